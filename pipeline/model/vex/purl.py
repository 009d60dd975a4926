"""Package URLs (purl specification 1.0), as far as matching needs them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import unquote

from pipeline.util.dataclass import dataclass

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9.+-]*")
_MOST = 2048  # characters
_LOWER = frozenset({"pypi", "deb", "apk", "rpm", "github", "bitbucket", "oci", "composer", "npm"})


@dataclass(frozen=True, slots=True)
class PackageUrl:
    """A package; without a version, any version of it."""

    type: str
    namespace: str
    name: str
    version: str = ""
    qualifiers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    @classmethod
    def parse(cls, text: str) -> PackageUrl:
        """Read `pkg:type/namespace/name@version?qualifiers#subpath`. Raises ValueError."""
        return _parse(text)

    def covers(self, other: PackageUrl) -> bool:
        """Whether another package is this one: the same name, and version and qualifiers where this one has them."""
        return (
            (self.type, self.namespace, self.name) == (other.type, other.namespace, other.name)
            and self.version in ("", other.version)
            and all(other.qualifiers.get(name) == value for name, value in self.qualifiers.items())
        )


@lru_cache(maxsize=4096)
def _parse(text: str) -> PackageUrl:
    rest, _, _ = text.partition("#")
    rest, _, query = rest.partition("?")
    scheme, _, rest = rest.partition(":")
    if scheme.lower() != "pkg" or len(text) > _MOST:
        raise ValueError(f"{text[:80]!r} is not a package URL (pkg:type/namespace/name@version)")
    kind, _, path = rest.strip("/").partition("/")
    path, _, version = path.rpartition("@") if "@" in path.rpartition("/")[2] else (path, "", "")
    namespace, _, name = path.strip("/").rpartition("/")
    if not _TYPE.fullmatch(kind) or not name:
        raise ValueError(f"{text[:80]!r} is not a package URL (pkg:type/namespace/name@version)")
    kind = kind.lower()
    namespace, name = unquote(namespace), unquote(name)
    if kind in _LOWER:
        namespace, name = namespace.lower(), name.lower()
    if kind == "pypi":
        name = name.replace("_", "-")
    pairs = (part.partition("=") for part in query.split("&") if part)
    qualifiers = {key.lower(): unquote(value) for key, _, value in pairs if value}
    return PackageUrl(kind, namespace, name, unquote(version), MappingProxyType(qualifiers))
