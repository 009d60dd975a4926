"""Resources as in-toto names them (ResourceDescriptor v1)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.sbom import SbomSubject

if TYPE_CHECKING:
    from pipeline.model import Digest, Platform, Reference

ROLE, REFERENCE = "role", "reference"
"""Annotations: what the resource was for, and the reference that the lock pins."""


def digest_set(digest: Digest) -> dict[str, str]:
    """A digest as a DigestSet."""
    return {digest.algorithm: digest.hex}


def image(role: str, name: str, reference: Reference, platform: Platform | None = None) -> dict[str, Any]:
    """An image by digest. Raises ValueError for a reference without one."""
    if reference.digest is None:
        raise ValueError(f"{reference} has no digest")
    package = SbomSubject("", reference.repository, reference.tag or "", reference.digest, platform)
    annotations = {ROLE: role}
    if reference.tag:
        annotations[REFERENCE] = f"{reference.repository}:{reference.tag}"
    return {
        "name": name,
        "uri": package.purl,
        "digest": digest_set(reference.digest),
        "annotations": annotations,
    }


def content(role: str, name: str, raw: bytes) -> dict[str, Any]:
    """Something that only its digest identifies."""
    return {
        "name": name,
        "digest": {"sha256": hashlib.sha256(raw).hexdigest()},
        "annotations": {ROLE: role},
    }


def filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value: what is not known is left out."""
    return {name: value for name, value in fields.items() if value not in ("", None, (), [], {})}
