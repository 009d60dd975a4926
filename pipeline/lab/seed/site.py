"""What a machine knows about its own mirror: which hosts resolve to it, and what lies there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.model import Digest, Platform, Reference, Repository
from pipeline.util.canonical_json import pretty
from pipeline.util.files import replace_file

FILE = "site.json"
PREFIX = "mirror"


@dataclass(frozen=True, slots=True)
class Seeded:
    """Content in the mirror: the key of the inputs it was made from, and its digest."""

    key: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Site:
    """A registry that stands in for others. `seeded` is by official reference, `docker.io/…:tag`; `platforms`
    are those that were asked for beside this machine's own."""

    registry: str
    seeded: Mapping[str, Seeded] = field(default_factory=dict)
    platforms: tuple[Platform, ...] = ()

    @property
    def mirrors(self) -> dict[str, str]:
        """Registry host to the prefix that stands in for it: `docker.io` to `localhost:5000/mirror/docker.io`."""
        hosts = sorted({Reference.parse(name).repository.host for name in self.seeded})
        return {host: f"{self.registry}/{PREFIX}/{host}" for host in hosts}

    def mirrored(self, reference: Reference) -> Reference:
        """Where the reference is found here; tag and digest stay."""
        there = reference.repository
        return Reference(
            Repository(self.registry, f"{PREFIX}/{there.host}/{there.path}"), reference.tag, reference.digest
        )

    def to_json(self) -> dict[str, Any]:
        """The site as data: `registry`, `mirrors`, and `seeded` by reference."""
        return {
            "registry": self.registry,
            "mirrors": self.mirrors,
            "seeded": {
                name: {"key": one.key, "digest": str(one.digest)} for name, one in sorted(self.seeded.items())
            },
            **({"platforms": [str(p) for p in self.platforms]} if self.platforms else {}),
        }

    def write(self, folder: Path) -> None:
        """Keep the site in an instance's data folder; readers never see half of it."""
        replace_file(folder / FILE, pretty(self.to_json()))

    @classmethod
    def read(cls, folder: Path) -> Site | None:
        """The site of an instance, or None if it was never seeded or the record is damaged."""
        try:
            data = json.loads((folder / FILE).read_bytes())
            seeded = {
                str(Reference.parse(name)): Seeded(str(one["key"]), Digest(one["digest"]))
                for name, one in data["seeded"].items()
            }
            platforms = tuple(Platform.parse(text) for text in data.get("platforms", ()))
            return cls(str(data["registry"]), seeded, platforms)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
