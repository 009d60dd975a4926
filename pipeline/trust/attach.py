"""Signed statements as OCI referrers of their subject, as cosign 3 stores and finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import Descriptor, Manifest, Repository
from pipeline.model.descriptor import EMPTY_JSON
from pipeline.oci.artifact import artifact_manifest
from pipeline.util.timestamps import format_timestamp

from .bundle import BUNDLE_TYPE, Bundle

if TYPE_CHECKING:
    from pipeline.registry import Registry

PREDICATE_ANNOTATION = "dev.sigstore.bundle.predicateType"
CONTENT_ANNOTATION = "dev.sigstore.bundle.content"


def referrer_manifest(subject: Descriptor, bundle: bytes, predicate_type: str, created: int) -> Manifest:
    """The manifest of a bundle as a referrer of `subject`; `created` is in seconds since 1970."""
    return artifact_manifest(
        BUNDLE_TYPE,
        [Descriptor.of(bundle, BUNDLE_TYPE)],
        subject=subject,
        annotations={
            CONTENT_ANNOTATION: "dsse-envelope",
            PREDICATE_ANNOTATION: predicate_type,
            "org.opencontainers.image.created": format_timestamp(created),
        },
    )


async def attach(
    registry: Registry, repository: Repository, subject: Descriptor, bundle: bytes, *, created: int
) -> Descriptor:
    """Write a bundle to `repository` as a referrer of `subject`, the manifest last; `created` is in seconds since 1970.

    Raises ValueError if the statement in the bundle has another subject.
    """
    statement = Bundle.parse_any(bundle).about(subject.digest)
    await registry.put_blob(repository, EMPTY_JSON)
    await registry.put_blob(repository, bundle)
    manifest = referrer_manifest(subject, bundle, statement.predicate_type, created)
    return await registry.put_manifest(repository, manifest.raw, manifest.media_type)
