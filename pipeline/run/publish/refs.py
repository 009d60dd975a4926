"""What one runner pushed, as a file for the job that merges: digests cross the boundary, tags never do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import UsageError
from pipeline.model import Platform, Reference
from pipeline.model.manifest import load_json
from pipeline.util.canonical_json import pretty

FORMAT_VERSION = 1
MOST = 16 * 1024 * 1024  # bytes of a file


@dataclass(frozen=True, slots=True)
class PlatformRef:
    """One target as it was pushed; `reference` is its repository with the digest of its manifest."""

    id: str
    image: str
    tag: str
    platform: Platform
    key: str
    reference: Reference

    def to_json(self) -> dict[str, str]:
        """As plain data."""
        return {
            "id": self.id,
            "image": self.image,
            "tag": self.tag,
            "platform": str(self.platform),
            "key": self.key,
            "reference": str(self.reference),
        }


def write_refs(refs: Iterable[PlatformRef]) -> str:
    """The file's text; the same refs are the same bytes."""
    ordered = sorted(refs, key=lambda ref: ref.id)
    return pretty({"format_version": FORMAT_VERSION, "refs": [ref.to_json() for ref in ordered]})


def read_refs(raw: bytes, name: str) -> tuple[PlatformRef, ...]:
    """The refs of a file; `name` is the file's, for errors. Raises UsageError for anything else."""
    try:
        if len(raw) > MOST:
            raise ValueError(f"more than {MOST} bytes")
        data = load_json(raw)
        if not isinstance(data, dict) or data.get("format_version") != FORMAT_VERSION:
            raise ValueError(f"format_version must be {FORMAT_VERSION}")
        return tuple(_ref(one) for one in data["refs"])
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise UsageError(
            f"{name} is no file of refs: {fault}", hint="`lockage push --refs FILE` writes one"
        ) from None


def collect(files: Mapping[str, bytes]) -> dict[str, PlatformRef]:
    """The refs of all files by target id. Raises UsageError when two files say different things of one target."""
    out: dict[str, PlatformRef] = {}
    for name, raw in files.items():
        for ref in read_refs(raw, name):
            known = out.setdefault(ref.id, ref)
            if known != ref:
                raise UsageError(
                    f"{name} says {ref.reference.digest} of {ref.id}, another file {known.reference.digest}",
                    hint="give the files of one commit, each platform once",
                )
    return out


def _ref(data: Any) -> PlatformRef:
    texts = {name: data[name] for name in ("id", "image", "tag", "platform", "key", "reference")}
    if not all(isinstance(value, str) for value in texts.values()):
        raise ValueError("every value of a ref is a text")
    reference = Reference.parse(texts.pop("reference")).by_digest
    return PlatformRef(**{**texts, "platform": Platform.parse(texts["platform"])}, reference=reference)
