"""Caches that outlive a daemon's state, as the options of `buildctl build` (BuildKit's README, "Export cache").

Each image tag and platform has a cache of its own in each scope. Every run reads the scope of the main branch. A branch
also reads and writes its own scope, which no other run reads. A pull request writes nothing, so that no build of a
branch ever reads what it made. Credentials are not options: caches read the environment variables in `VARIABLES`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.model import Platform, Repository
from pipeline.util.dataclass import dataclass

from .order import record

if TYPE_CHECKING:
    from pipeline.config import CacheEntry

FOLDERS = "/cache"  # local caches in the client's container

DAEMON_VARIABLES = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
}
"""Variables that the daemon reads for a type of cache (cache/remotecache/s3: the AWS SDK's defaults)."""

CLIENT_VARIABLES = {
    "gha": ("ACTIONS_CACHE_SERVICE_V2", "ACTIONS_CACHE_URL", "ACTIONS_RESULTS_URL", "ACTIONS_RUNTIME_TOKEN"),
}
"""Variables that buildctl reads for a type of cache (cmd/buildctl/build/util.go, loadGithubEnv)."""

VARIABLES = (*DAEMON_VARIABLES["s3"], *CLIENT_VARIABLES["gha"])

_MAIN = ("main", "master")  # the main branch where it is not known
_TAG_LENGTH = 128  # at most (distribution-spec v1.1)
_HASH_LENGTH = 16  # hex digits
_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9_.-]+")
_LOOPBACK = re.compile(r"(?P<scheme>https?)://(?:localhost|127\.0\.0\.1)(?::(?P<port>\d{1,5}))?(?:/|\Z)")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class CacheEvent:
    """The git event of a run, as far as caches depend on it.

    `branch` is empty for a git tag, and where it is not known; `main` is the main branch where that is known. `exact`
    is whether the run builds a commit without changes.
    """

    branch: str = ""
    pull_request: bool = False
    main: str = ""
    exact: bool = True

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes to read, the run's own first; "" is the main branch's."""
        own = self.branch
        main = own in ((self.main,) if self.main else _MAIN)
        return ("",) if main or not own or self.pull_request else (own, "")

    def writes(self, export: str) -> bool:
        """Whether a run writes a cache with this `export`: for a pull request never, for a branch's commit with
        `branch` or `always`, for anything else with `always`."""
        if self.pull_request or export == "never":
            return False
        return export == "always" or bool(self.branch and self.exact)


@dataclass(frozen=True, slots=True)
class LocalCacheFolder:
    """A local cache: a folder of this machine, its path in the client's container, and whether it is written."""

    source: str
    path: str
    written: bool


@dataclass(frozen=True, slots=True)
class Caches:
    """The caches of one build: values of `--import-cache` and `--export-cache`, and the folders that they name."""

    imports: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    folders: tuple[LocalCacheFolder, ...] = ()


def caches(
    entries: Sequence[CacheEntry], event: CacheEvent, image: str, tag: str, platform: Platform
) -> Caches:
    """The caches of one image tag and platform in a run."""
    imports, exports, folders = [], [], []
    names = [name_of(image, tag, platform, scope) for scope in event.scopes]
    for number, entry in enumerate(entries):
        for name in names:
            written = name == names[0] and event.writes(entry.export)
            options, path = _options(entry, name), f"{FOLDERS}/{number}/{name}"
            source, destination = {}, {}
            if entry.type == "local":
                source, destination = {"src": path}, {"dest": path}
                folders.append(LocalCacheFolder(f"{entry.attributes['path']}/{name}", path, written))
            imports.append(record(options | source))
            if written:
                exports.append(record(options | destination | _export_options(entry)))
    return Caches(tuple(imports), tuple(exports), tuple(folders))


def name_of(image: str, tag: str, platform: Platform, scope: str = "") -> str:
    """A cache's name, a valid tag: readable as far as possible, with a hash, so that no two caches share a name,
    whatever images and branches are called."""
    exact = "\0".join((image, tag, str(platform), scope))
    suffix = hashlib.sha256(exact.encode()).hexdigest()[:_HASH_LENGTH]
    parts = (image, tag, platform.slug, scope)
    text = _NOT_IN_TAGS.sub("-", "-".join(part for part in parts if part)).lstrip(".-")
    return f"{text[: _TAG_LENGTH - _HASH_LENGTH - 1]}-{suffix}"


def usable(entries: Iterable[CacheEntry], variables: Mapping[str, str]) -> Iterator[tuple[CacheEntry, str]]:
    """Each entry, and why it cannot be used in this run; empty if it can."""
    address = {"ACTIONS_CACHE_URL", "ACTIONS_RESULTS_URL"} & set(variables)
    in_actions = bool(address) and "ACTIONS_RUNTIME_TOKEN" in variables
    for entry in entries:
        unusable = entry.type == "gha" and not in_actions
        yield entry, "ACTIONS_RUNTIME_TOKEN and ACTIONS_RESULTS_URL are not set" if unusable else ""


def hosts(entries: Iterable[CacheEntry]) -> set[str]:
    """The registries of caches."""
    return {Repository.parse(e.attributes["ref"]).host for e in entries if e.type == "registry"}


def ports(entries: Iterable[CacheEntry]) -> set[int]:
    """The ports of S3 endpoints on this machine's loopback."""
    matches = (_LOOPBACK.match(e.attributes.get("endpoint_url", "")) for e in entries if e.type == "s3")
    return {int(match["port"] or _DEFAULT_PORTS[match["scheme"]]) for match in matches if match}


def _options(entry: CacheEntry, name: str) -> dict[str, str]:
    """The options that a cache's import and export share; a local cache has its path besides."""
    match entry.type:
        case "registry":
            own = {"ref": str(Repository.parse(entry.attributes["ref"]).tagged(name))}
        case "s3":
            own = {**entry.attributes, "name": name}
            if prefix := own.get("prefix"):
                own["prefix"] = prefix.rstrip("/") + "/"
            if endpoint := own.get("endpoint_url"):
                # The daemon reaches this machine's ports by that name; 127.0.0.1 is its own.
                own["endpoint_url"] = endpoint.replace("//127.0.0.1", "//localhost", 1)
        case "gha":
            scope = entry.attributes.get("scope")
            own = {"scope": f"{scope}-{name}" if scope else name}
        case _:
            own = {}
    return {"type": entry.type, **own}


def _export_options(entry: CacheEntry) -> dict[str, str]:
    """The options of an export alone. A cache that cannot be written warns, and fails no build."""
    out = {"mode": entry.mode, "ignore-error": "true"}
    if entry.type in ("registry", "local"):  # the others always use gzip
        out["compression"] = entry.compression
    if entry.type == "local":
        out["reset"] = "true"
    return out
