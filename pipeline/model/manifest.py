"""Manifests and indexes, parsed once from bytes that may come from anywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .descriptor import INDEX_TYPES, MANIFEST_TYPES, OCI_INDEX, OCI_MANIFEST, Descriptor
from .digest import Digest

_MAX_DEPTH = 40
_MAX_ENTRIES = 20_000
_GENERIC = ("", "application/json", "application/octet-stream", "text/plain")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it is stored: its descriptor, its exact bytes, and the object they hold."""

    descriptor: Descriptor
    raw: bytes = field(repr=False)
    data: Mapping[str, Any] = field(repr=False, hash=False, compare=False)

    @classmethod
    def parse(cls, raw: bytes, media_type: str = "", *, algorithm: str = "sha256") -> Manifest:
        """Read some bytes; `media_type` is what was said about them. Raises ValueError."""
        data = load_json(raw)
        if not isinstance(data, dict):
            raise ValueError("a manifest must be an object")
        said, own = media_type.partition(";")[0].strip().lower(), data.get("mediaType", "")
        if not isinstance(own, str):
            raise ValueError("mediaType must be a string")
        if said in _GENERIC:
            said = ""
        if said and own and said != own.lower():
            raise ValueError(f"it was said to be {said[:100]} but says of itself {own[:100]}")
        usual = OCI_INDEX if "manifests" in data else OCI_MANIFEST if "layers" in data else ""
        kind = own or said or usual  # image-spec v1.1: mediaType should be there, but need not
        if kind not in MANIFEST_TYPES:
            raise ValueError(f"the media type {kind[:100]!r} is not one of an image manifest or index")
        if "manifests" in data and ("layers" in data or "config" in data):
            raise ValueError("it is both an index and a manifest")
        digest = digest_of(raw, algorithm)
        found = cls(Descriptor(kind, digest, len(raw)), raw, data)
        found._check()
        return found

    def _check(self) -> None:
        for name in ("manifests",) if self.is_index else ("layers",):
            entries = self.data.get(name)
            if name == "layers" and name in self.data and entries is None:
                continue  # as BuildKit writes an image without any
            if not isinstance(entries, list) or len(entries) > _MAX_ENTRIES:
                raise ValueError(f"{name} must be a list")
            for entry in entries:
                Descriptor.from_oci(entry)
        if not self.is_index:
            Descriptor.from_oci(self.data.get("config"))
        if self.data.get("subject") is not None:
            Descriptor.from_oci(self.data["subject"])
        notes = self.data.get("annotations")
        if notes is not None and not (
            isinstance(notes, dict) and all(isinstance(v, str) for v in notes.values())
        ):
            raise ValueError("annotations must be strings")

    @property
    def digest(self) -> Digest:
        """The digest of the exact bytes."""
        return self.descriptor.digest

    @property
    def media_type(self) -> str:
        """The media type, from the manifest itself where it says so."""
        return self.descriptor.media_type

    @property
    def is_index(self) -> bool:
        """Whether it lists manifests rather than layers."""
        return self.media_type in INDEX_TYPES

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """The entries of an index, in its order; nothing for a manifest."""
        return tuple(Descriptor.from_oci(e) for e in self.data["manifests"]) if self.is_index else ()

    @property
    def config(self) -> Descriptor | None:
        """The config of a manifest; None for an index."""
        return None if self.is_index else Descriptor.from_oci(self.data["config"])

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """The layers of a manifest, lowest first; nothing for an index."""
        return () if self.is_index else tuple(Descriptor.from_oci(e) for e in self.data["layers"] or ())

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Config and layers, each digest once."""
        config = self.config
        every = ((config,) if config else ()) + self.layers
        return tuple({d.digest: d for d in every}.values())

    @property
    def subject(self) -> Descriptor | None:
        """What it refers to (image-spec v1.1, "subject"), or None."""
        subject = self.data.get("subject")
        return Descriptor.from_oci(subject) if subject is not None else None

    @property
    def annotations(self) -> Mapping[str, str]:
        """Its annotations, empty if there are none."""
        return self.data.get("annotations") or {}

    @property
    def artifact_type(self) -> str | None:
        """`artifactType`, else the config's media type (distribution-spec v1.1, "Listing Referrers")."""
        own = self.data.get("artifactType")
        if isinstance(own, str) and own:
            return own
        config = self.config
        return config.media_type if config else None

    def as_referrer(self) -> Descriptor:
        """The descriptor that a list of referrers holds for it."""
        return Descriptor(
            self.media_type,
            self.digest,
            len(self.raw),
            artifact_type=self.artifact_type,
            annotations=self.annotations,
        )


def digest_of(raw: bytes, algorithm: str = "sha256") -> Digest:
    """The digest of some bytes by `sha256` or `sha512`."""
    return Digest(f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}")


def load_json(raw: bytes) -> Any:
    """Read JSON from outside: UTF-8, no key twice, no NaN, bounded depth. Raises ValueError."""
    try:
        data = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_doubles, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    level, depth = [data], 0
    while level:
        depth += 1
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    return data


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return out


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number in JSON")


__all__ = ["Manifest", "digest_of", "load_json"]
