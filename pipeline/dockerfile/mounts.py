"""RUN --mount, as BuildKit reads it (frontend/dockerfile/instructions/commands_runmount.go)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Literal

from pipeline.util.dataclass import dataclass

from .instructions import Instruction

CredentialKind = Literal["secret", "ssh"]

_FIELD = re.compile(r""""((?:[^"]|"")*+)"([^,]*)|([^,]*)""")
_TRUE = frozenset(("", "1", "t", "T", "true", "TRUE", "True"))
_CREDENTIALS: Mapping[str, CredentialKind] = {"secret": "secret", "ssh": "ssh"}
_ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite"}


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret or an ssh agent that a RUN mounts."""

    kind: CredentialKind
    id: str
    required: bool
    line: int


def fields(mount: str) -> Mapping[str, str]:
    """The keys of one --mount with their values; the last of each wins."""
    parts = _quoted_fields(mount) if '"' in mount else mount.split(",")
    out: dict[str, str] = {}
    for part in parts:
        key, _, value = part.partition("=")
        out[_ALIASES.get(key.lower(), key.lower())] = value
    return out


def _quoted_fields(mount: str) -> list[str]:
    """The fields of a line of CSV, of which some are quoted (RFC 4180)."""
    fields, at = [], 0
    while at <= len(mount) and (match := _FIELD.match(mount, at)):
        quoted = match[1]
        fields.append(match[3] if quoted is None else quoted.replace('""', '"') + match[2])
        at = match.end() + 1
    return fields


def credentials(instruction: Instruction) -> tuple[Credential, ...]:
    """The secrets and ssh agents that a RUN mounts; ids with variables are left to the build."""
    mounted = []
    for flag in instruction.flag_values("mount"):
        keys = fields(flag.text)
        kind = _CREDENTIALS.get(keys.get("type", "bind").lower())
        identity = _secret_id(keys) if kind == "secret" else keys.get("id") or "default"
        if kind and identity and "$" not in identity:
            required = "required" in keys and keys["required"] in _TRUE
            mounted.append(Credential(kind, identity, required, instruction.line))
    return tuple(mounted)


def _secret_id(keys: Mapping[str, str]) -> str:
    return keys.get("source") or keys.get("id") or posixpath.basename(keys.get("target", "").rstrip("/"))
