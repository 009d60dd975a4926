"""What imports wrote, so that the next one knows what somebody changed since: `.lockage/import.json`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from pipeline.catalogue.source import IMAGES
from pipeline.plan.output.disk import Generated

from .scaffold import SCHEMAS

RECORD = f"{SCHEMAS}/import.json"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}(?:\+x)?|link:.*", re.DOTALL)


def read_record(content: bytes | None) -> dict[str, dict[str, str]]:
    """The digests of files by path, for each folder that was imported. What is no record, or leads out of images/, is
    left out."""
    try:
        data = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return {}
    imports = data.get("imports") if isinstance(data, dict) else None
    out: dict[str, dict[str, str]] = {}
    for folder, files in imports.items() if isinstance(imports, dict) else ():
        if isinstance(files, dict):
            out[folder] = {path: digest for path, digest in files.items() if _is_entry(path, digest)}
    return out


def _is_entry(path: str, digest: object) -> bool:
    parts = path.split("/")
    return (
        len(parts) > 1
        and parts[0] == IMAGES
        and not {"", ".", ".."}.intersection(parts)
        and isinstance(digest, str)
        and bool(_DIGEST.fullmatch(digest))
    )


def record_text(imports: Mapping[str, Mapping[str, str]]) -> str:
    """The file."""
    kept = {folder: dict(sorted(files.items())) for folder, files in sorted(imports.items()) if files}
    return json.dumps({"version": 1, "imports": kept}, indent=1, ensure_ascii=False) + "\n"


def digest_of(file: Generated, content: bytes) -> str:
    """A file's digest with whether it is executable, or a link's target."""
    return f"link:{file.target}" if file.kind == "link" else content_digest(content, file.mode)


def content_digest(content: bytes, mode: int) -> str:
    """A file's digest with whether it is executable."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}" + ("+x" if mode & 0o111 else "")
