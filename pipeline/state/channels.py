"""What environments hold, for programs of others: versions with their digests, and what rolls. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.util.json.canonical import compact

from .ledger import Ledger

CHANNELS_TYPE = "application/json"
FILE = "metadata.json"


def channels_document(project: str, ledgers: Iterable[Ledger]) -> bytes:
    """Canonical JSON, the same for the same state: by environment and image the `versions` with the digest that each
    has, and the `aliases` with the version that each names now."""
    return compact(
        {
            "format_version": 1,
            "project": project,
            "channels": {ledger.environment: {"images": _images(ledger)} for ledger in ledgers},
        }
    )


def _images(ledger: Ledger) -> dict[str, dict[str, dict[str, str]]]:
    images: dict[str, dict[str, dict[str, str]]] = {}
    for name, position in sorted(ledger.tags.items()):
        if position.digest is None:
            continue
        image, _, tag = name.rpartition(":")
        entry = images.setdefault(image, {"versions": {}, "aliases": {}})
        if tag == position.version or not position.version:
            entry["versions"][tag] = str(position.digest)
        else:
            entry["aliases"][tag] = position.version
    return images
