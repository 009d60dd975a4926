"""Labels that every build sets anew: when, and from which commit.

Tools read an archive without them. So an image that is built again with the same files is neither listed nor scanned
again: the engine answers with what the tool wrote before. The documents get the labels that the image has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_OF_EACH_BUILD = {
    "org.opencontainers.image.created": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII),
    "org.opencontainers.image.revision": re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})(?:-dirty)?|local"),
}


def build_labels(config: bytes) -> dict[str, str]:
    """The labels of a configuration that are new with each build (OCI image-spec v1.1, annotations.md).

    One whose value is not a time or a commit is left to the tools: it may hold a secret. None where the configuration
    cannot be read.
    """
    try:
        labels: Any = json.loads(config)["config"]["Labels"]
        return {
            name: labels[name]
            for name, form in _OF_EACH_BUILD.items()
            if name in labels and form.fullmatch(labels[name])
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def with_labels(described: Any, labels: Mapping[str, str]) -> Any:
    """What a tool wrote of an image's labels, by name, with these added; None or nothing where there are none."""
    return dict(sorted(({**(described or {}), **labels}).items())) if labels else described
