"""What one run pushed, as a file for the job that merges: digests cross the boundary, tags never do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.errors import UsageError
from pipeline.model import Platform, Reference
from pipeline.model.manifest import load_json
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import pretty

FORMAT_VERSION = 1
MAX_BYTES = 16 * 1024 * 1024  # of a file


@dataclass(frozen=True, slots=True)
class PlatformRef:
    """One target as it was pushed; `reference` is its repository with its manifest's digest."""

    id: str
    image: str
    tag: str
    platform: Platform
    key: str
    reference: Reference

    def to_json(self) -> dict[str, str]:
        """The ref as data."""
        return {
            "id": self.id,
            "image": self.image,
            "tag": self.tag,
            "platform": str(self.platform),
            "key": self.key,
            "reference": str(self.reference),
        }


def write_refs(refs: Iterable[PlatformRef]) -> str:
    """The text of a file; equal refs give equal bytes."""
    ordered = sorted(refs, key=lambda ref: ref.id)
    return pretty({"format_version": FORMAT_VERSION, "refs": [ref.to_json() for ref in ordered]})


def read_refs(raw: bytes, name: str) -> tuple[PlatformRef, ...]:
    """The refs of a file; `name` is the file's, for messages. Raises UsageError for anything else."""
    try:
        if len(raw) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES} bytes")
        data = load_json(raw)
        if not isinstance(data, dict) or data.get("format_version") != FORMAT_VERSION:
            raise ValueError(f"format_version must be {FORMAT_VERSION}")
        return tuple(_ref(entry) for entry in data["refs"])
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise UsageError(
            f"{name} is not a file of refs: {fault}", hint="`lockage push --refs FILE` writes one"
        ) from None


def collect(files: Mapping[str, bytes]) -> dict[str, PlatformRef]:
    """The refs of all files by target id. Raises UsageError when two files differ on a target."""
    refs: dict[str, PlatformRef] = {}
    for name, raw in files.items():
        for ref in read_refs(raw, name):
            other = refs.setdefault(ref.id, ref)
            if other != ref:
                raise UsageError(
                    f"{name} has {ref.reference.digest} for {ref.id}, another file {other.reference.digest}",
                    hint="give the files of one commit, each platform once",
                )
    return refs


def _ref(data: Any) -> PlatformRef:
    names = ("id", "image", "tag", "platform", "key", "reference")
    if not all(isinstance(data[name], str) for name in names):
        raise ValueError("every value of a ref must be a string")
    return PlatformRef(
        data["id"],
        data["image"],
        data["tag"],
        Platform.parse(data["platform"]),
        data["key"],
        Reference.parse(data["reference"]).by_digest,
    )
