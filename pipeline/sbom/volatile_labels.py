"""Volatile labels: those that every build sets anew, when and from which commit it was.

Tools read an archive without them. So an image that is built again with the same files is neither listed nor scanned
again: the engine answers with what the tool wrote before. The documents get the labels that the image has.
"""

from __future__ import annotations

import json
import re
from typing import Any

_FORMS = {
    "org.opencontainers.image.created": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII),
    "org.opencontainers.image.revision": re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})(?:-dirty)?|local"),
}


def volatile_labels(config: bytes) -> dict[str, str]:
    """The volatile labels of a configuration, by name (OCI image-spec v1.1, annotations.md); none if it is unreadable.

    A value that is neither a time nor a commit may hold a secret: its label is left to the tools.
    """
    try:
        labels: Any = json.loads(config)["config"]["Labels"]
        return {
            name: labels[name]
            for name, form in _FORMS.items()
            if name in labels and form.fullmatch(labels[name])
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
