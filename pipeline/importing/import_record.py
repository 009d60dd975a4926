"""What imports wrote, so that the next one knows what somebody changed since: `.lockage/import.json`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pipeline.catalogue.source import IMAGES
from pipeline.plan.output.disk import Generated
from pipeline.util.dataclass import dataclass

from .scaffold import SCHEMAS

RECORD = f"{SCHEMAS}/import.json"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}(?:\+x)?|link:.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an import wrote: digests of files by path, and the Dockerfiles of images by their folder."""

    files: Mapping[str, str]
    dockerfiles: Mapping[str, str]


NOTHING_EARLIER = Earlier(MappingProxyType({}), MappingProxyType({}))


def read_record(content: bytes | None) -> dict[str, Earlier]:
    """What was written, for each folder that was imported. What is no record, or leads out of images/, is left out."""
    try:
        data = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return {}
    out: dict[str, Earlier] = {}
    imports = _object(_object(data).get("imports"))
    for folder, entry in imports.items():
        files, dockerfiles = (_object(_object(entry).get(key)) for key in ("files", "dockerfiles"))
        out[folder] = Earlier(
            {path: str(digest) for path, digest in files.items() if _is_entry(path, digest)},
            {path: str(name) for path, name in dockerfiles.items()},
        )
    return out


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_entry(path: str, digest: object) -> bool:
    parts = path.split("/")
    return (
        len(parts) > 1
        and parts[0] == IMAGES
        and not {"", ".", ".."}.intersection(parts)
        and isinstance(digest, str)
        and bool(_DIGEST.fullmatch(digest))
    )


def record_text(imports: Mapping[str, Earlier]) -> str:
    """The file."""
    written = {
        folder: {
            "dockerfiles": dict(sorted(one.dockerfiles.items())),
            "files": dict(sorted(one.files.items())),
        }
        for folder, one in sorted(imports.items())
    }
    return json.dumps({"version": 1, "imports": written}, indent=1, ensure_ascii=False) + "\n"


def digest_of(file: Generated, content: bytes) -> str:
    """A file's digest with whether it is executable, or a link's target."""
    return f"link:{file.target}" if file.kind == "link" else content_digest(content, file.mode)


def content_digest(content: bytes, mode: int) -> str:
    """A file's digest with whether it is executable."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}" + ("+x" if mode & 0o111 else "")
