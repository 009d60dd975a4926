"""Signed statements as OCI referrers of the digest they speak of, as cosign 3 stores and finds them."""

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
    """The manifest that ties a bundle to its subject (image-spec v1.1 "subject"); `created` in seconds."""
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
    """Store a bundle in `repository` as a referrer of `subject`; blobs first, the manifest last.

    Raises ValueError when the bundle speaks of something other than the subject.
    """
    said = Bundle.parse(bundle).statement
    if said.subject != subject.digest:
        raise ValueError(f"the statement is about {said.subject}, not about {subject.digest}")
    await registry.put_blob(repository, EMPTY_JSON)
    await registry.put_blob(repository, bundle)
    manifest = referrer_manifest(subject, bundle, said.predicate_type, created)
    return await registry.put_manifest(repository, manifest.raw, manifest.media_type)
