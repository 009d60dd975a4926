"""Manifests and indexes, parsed once from untrusted bytes (OCI image-spec v1.1, manifest.md and image-index.md)."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any, NoReturn

from pipeline.util.dataclass import dataclass
from pipeline.util.sizes import size_text

from .descriptor import INDEX_TYPES, MANIFEST_TYPES, OCI_INDEX, OCI_MANIFEST, Descriptor
from .digest import Digest
from .limits import JSON_DEPTH, MANIFEST_BYTES, MANIFEST_ENTRIES

_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_VENDOR = "application/vnd."
"""Other types, as a web server takes them from a file's name, say nothing of what a manifest is."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or index: its descriptor, its exact bytes, and the object that they contain."""

    descriptor: Descriptor
    raw: bytes = field(repr=False)
    data: Mapping[str, Any] = field(repr=False, hash=False, compare=False)

    @classmethod
    def parse(cls, raw: bytes, media_type: str = "", *, algorithm: str = "sha256") -> Manifest:
        """Read a manifest; `media_type` is that of the response or descriptor, if known. Raises ValueError."""
        if len(raw) > MANIFEST_BYTES:
            raise ValueError(f"it is larger than {size_text(MANIFEST_BYTES)}")
        data = load_json(raw)
        if not isinstance(data, dict):
            raise ValueError("a manifest must be an object")
        declared, own = media_type.partition(";")[0].strip().lower(), data.get("mediaType", "")
        if not isinstance(own, str):
            raise ValueError("mediaType must be a string")
        if not declared.startswith(_VENDOR):
            declared = ""
        if declared and own and declared != own.lower():
            raise ValueError(f"it was sent as {declared[:100]} but its mediaType is {own[:100]}")
        implied = OCI_INDEX if "manifests" in data else OCI_MANIFEST if "layers" in data else ""
        actual = own or declared or implied  # image-spec v1.1: mediaType is recommended, not required
        if actual not in MANIFEST_TYPES:
            raise ValueError(f"the media type {actual[:100]!r} is not one of an image manifest or index")
        if "manifests" in data and ("layers" in data or "config" in data):
            raise ValueError("it is both an index and a manifest")
        manifest = cls(Descriptor(actual, digest_of(raw, algorithm), len(raw)), raw, data)
        manifest._check()
        return manifest

    def _check(self) -> None:
        if self.is_index:
            _check_descriptors("manifests", self.data.get("manifests"))
        else:
            no_layers = "layers" in self.data and self.data["layers"] is None  # as BuildKit writes none
            if not no_layers:
                _check_descriptors("layers", self.data.get("layers"))
            Descriptor.from_oci(self.data.get("config"))
        if self.data.get("subject") is not None:
            Descriptor.from_oci(self.data["subject"])
        annotations = self.data.get("annotations")
        if annotations is not None and not (
            isinstance(annotations, dict) and all(isinstance(v, str) for v in annotations.values())
        ):
            raise ValueError("annotations must be strings")

    @property
    def digest(self) -> Digest:
        """The digest of the exact bytes."""
        return self.descriptor.digest

    @property
    def media_type(self) -> str:
        """The media type, the manifest's own if it has one."""
        return self.descriptor.media_type

    @property
    def is_index(self) -> bool:
        """Whether it is an index of manifests."""
        return self.media_type in INDEX_TYPES

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """The entries of an index, in its order; none for a manifest."""
        return tuple(Descriptor.from_oci(e) for e in self.data["manifests"]) if self.is_index else ()

    @property
    def config(self) -> Descriptor | None:
        """The config of a manifest; None for an index."""
        return None if self.is_index else Descriptor.from_oci(self.data["config"])

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """The layers of a manifest, lowest first; none for an index."""
        return () if self.is_index else tuple(Descriptor.from_oci(e) for e in self.data["layers"] or ())

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Config and layers, each digest once."""
        config = self.config
        descriptors = ((config,) if config else ()) + self.layers
        return tuple({d.digest: d for d in descriptors}.values())

    @property
    def subject(self) -> Descriptor | None:
        """The manifest that it refers to (image-spec v1.1, "subject"), or None."""
        subject = self.data.get("subject")
        return Descriptor.from_oci(subject) if subject is not None else None

    @property
    def annotations(self) -> Mapping[str, str]:
        """Its annotations."""
        annotations: Mapping[str, str] | None = self.data.get("annotations")
        return annotations or {}

    @property
    def artifact_type(self) -> str | None:
        """`artifactType`, else the config's media type (distribution-spec v1.1, "Listing Referrers")."""
        own = self.data.get("artifactType")
        if isinstance(own, str) and own:
            return own
        config = self.config
        return config.media_type if config else None

    def as_referrer(self) -> Descriptor:
        """Its descriptor in a list of referrers."""
        return Descriptor(
            self.media_type,
            self.digest,
            len(self.raw),
            artifact_type=self.artifact_type,
            annotations=self.annotations,
        )


def _check_descriptors(name: str, entries: object) -> None:
    if not isinstance(entries, list):
        raise ValueError(f"{name} must be a list")
    if len(entries) > MANIFEST_ENTRIES:
        raise ValueError(f"{name} has more than {MANIFEST_ENTRIES} entries")
    for entry in entries:
        Descriptor.from_oci(entry)


def digest_of(raw: bytes, algorithm: str = "sha256") -> Digest:
    """The digest of some bytes by `sha256` or `sha512`."""
    return Digest(f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}")


def load_json(raw: bytes, *, half_pairs: bool = False) -> Any:
    """Read untrusted JSON: UTF-8, no repeated keys, no NaN, no half of a surrogate pair, bounded depth.

    `half_pairs` lets the latter through, for lists whose entries are checked one by one. Raises ValueError, whose text
    is one short line.
    """
    try:
        data = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique_keys,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except RecursionError:
        raise ValueError(f"nested too deeply, more than {JSON_DEPTH} deep") from None
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except ValueError as fault:
        if str(fault).startswith("Exceeds the limit"):  # by Python, for a number of thousands of digits
            raise ValueError("a number with too many digits") from None
        raise
    if not half_pairs and _ESCAPED_SURROGATE.search(raw):
        _check_text(data)
    level, depth = [data], 0
    while level:
        depth += 1
        if depth > JSON_DEPTH:
            raise ValueError(f"nested too deeply, more than {JSON_DEPTH} deep")
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    return data


def _check_text(data: object) -> None:
    """JSON may escape half of a surrogate pair, which is no character and cannot be written as UTF-8 again."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("a text with half of a surrogate pair") from None
    except RecursionError:
        raise ValueError(f"nested too deeply, more than {JSON_DEPTH} deep") from None


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("a key is repeated in an object")
    return data


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number too large for JSON")
    return number


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number in JSON")


__all__ = ["Manifest", "digest_of", "load_json"]
