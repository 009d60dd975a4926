"""RUN --mount, as BuildKit reads it (frontend/dockerfile/instructions/commands_runmount.go)."""

from __future__ import annotations

import csv
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .instructions import Instruction

_TRUE = frozenset(("", "1", "t", "T", "true", "TRUE", "True"))
_ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite"}


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret or an ssh agent that a RUN mounts."""

    kind: Literal["secret", "ssh"]
    id: str
    required: bool
    line: int


def fields(mount: str) -> Mapping[str, str]:
    """The keys of one --mount with their values, the last of each."""
    parts = next(csv.reader([mount]), []) if '"' in mount else mount.split(",")
    out: dict[str, str] = {}
    for part in parts:
        key, _, value = part.partition("=")
        out[_ALIASES.get(key.lower(), key.lower())] = value
    return out


def credentials(instruction: Instruction) -> tuple[Credential, ...]:
    """What a RUN mounts that its build must be given; an id with a variable in it is left to the build."""
    out = []
    for flag in instruction.flag_values("mount"):
        keys = fields(flag.text)
        kind = keys.get("type", "bind").lower()
        identity = _secret(keys) if kind == "secret" else keys.get("id") or "default"
        if (kind == "secret" or kind == "ssh") and identity and "$" not in identity:
            required = "required" in keys and keys["required"] in _TRUE
            out.append(Credential(kind, identity, required, instruction.line))
    return tuple(out)


def _secret(keys: Mapping[str, str]) -> str:
    return keys.get("source") or keys.get("id") or posixpath.basename(keys.get("target", "").rstrip("/"))
