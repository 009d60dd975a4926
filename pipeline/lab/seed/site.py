"""The machine's own mirror: which official references resolve to it, and what it contains."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from types import MappingProxyType

from pipeline.model import Digest, Platform, Reference, Repository
from pipeline.util.dataclass import dataclass
from pipeline.util.files import read_file, replace_file
from pipeline.util.json.canonical import pretty

FILE = "site.json"
PREFIX = "mirror"


@dataclass(frozen=True, slots=True)
class SeededImage:
    """An image in the mirror: the key of the inputs it was built from, and its digest."""

    key: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Site:
    """A registry that mirrors others.

    `seeded` is by official reference, `docker.io/…:tag`; `platforms` are those requested besides this machine's own.
    """

    registry: str
    seeded: Mapping[str, SeededImage] = field(default_factory=lambda: MappingProxyType({}))
    platforms: tuple[Platform, ...] = ()

    @property
    def mirrors(self) -> dict[str, str]:
        """Registry host to the prefix that replaces it: `docker.io` to `localhost:5000/mirror/docker.io`."""
        hosts = sorted({Reference.parse(name).repository.host for name in self.seeded})
        return {host: f"{self.registry}/{PREFIX}/{host}" for host in hosts}

    def mirrored(self, reference: Reference) -> Reference:
        """The reference in the mirror, with the same tag and digest."""
        official = reference.repository
        repository = Repository(self.registry, f"{PREFIX}/{official.host}/{official.path}")
        return Reference(repository, reference.tag, reference.digest)

    def to_json(self) -> dict[str, object]:
        """The site as data: `registry`, `mirrors`, and `seeded` by reference."""
        return {
            "registry": self.registry,
            "mirrors": self.mirrors,
            "seeded": {
                name: {"key": image.key, "digest": str(image.digest)}
                for name, image in sorted(self.seeded.items())
            },
            **({"platforms": [str(platform) for platform in self.platforms]} if self.platforms else {}),
        }

    def write(self, folder: Path) -> None:
        """Write the site into an instance's data folder, atomically."""
        replace_file(folder / FILE, pretty(self.to_json()))

    @classmethod
    def read(cls, folder: Path) -> Site | None:
        """The site of an instance, or None if nothing was seeded or the record is damaged."""
        try:
            data = json.loads(read_file(folder / FILE))
            seeded = {
                str(Reference.parse(name)): SeededImage(str(image["key"]), Digest(image["digest"]))
                for name, image in data["seeded"].items()
            }
            platforms = tuple(Platform.parse(text) for text in data.get("platforms", ()))
            return cls(str(data["registry"]), MappingProxyType(seeded), platforms)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
