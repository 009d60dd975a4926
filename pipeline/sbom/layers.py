"""Layers by the ids that the image's configuration gives them.

The tools read an archive that the engine makes of an image. An engine that was restarted repacks layers: their
content is the same and their digests are others, which are in no registry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any


def diff_ids(config: bytes) -> tuple[str, ...]:
    """The ids of an image's layers, lowest first (OCI image-spec v1.1, config.md); none where that does not say."""
    try:
        listed: Any = json.loads(config)["rootfs"]["diff_ids"]
        return tuple(map(str, listed))
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()


def renamings(archived: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """What differs of two lists of the same layers: archived -> known; nothing where they are not the same number."""
    if len(archived) != len(known):
        return {}
    pairs = zip(reversed(archived), reversed(known), strict=True)  # of equal layers, the lowest counts
    return {before: after for before, after in pairs if before != after}


def renamed(document: bytes, names: Mapping[str, str]) -> bytes:
    """A document with other digests in place of those that are in it."""
    if not names:
        return document
    known = {before.encode(): after.encode() for before, after in names.items()}
    pattern = re.compile(b"|".join(map(re.escape, known)))
    return pattern.sub(lambda match: known[match[0]], document)
