"""Caches that outlive a daemon's state, as the options of `buildctl build` (BuildKit's README, "Export cache").

Each image tag and platform has a cache of its own in each scope. The main line's scope is the trusted one: everybody
reads it. A branch reads and writes one more, its own, which nobody else reads. A pull request writes nothing at all, so
that nothing of its making is ever found by a build of a branch. Credentials are no part of an option: what a cache
reads from the environment instead is in `VARIABLES`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.model import Platform, Repository

from .order import record

if TYPE_CHECKING:
    from pipeline.config import CacheEntry

FOLDERS = "/cache"  # where folders of local caches are in the client's container

DAEMON_VARIABLES = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
}
"""What the daemon reads for a type of cache (cache/remotecache/s3: the AWS SDK's default configuration)."""

CLIENT_VARIABLES = {
    "gha": ("ACTIONS_CACHE_SERVICE_V2", "ACTIONS_CACHE_URL", "ACTIONS_RESULTS_URL", "ACTIONS_RUNTIME_TOKEN"),
}
"""What buildctl reads for a type of cache (cmd/buildctl/build/util.go, loadGithubEnv)."""

VARIABLES = (*DAEMON_VARIABLES["s3"], *CLIENT_VARIABLES["gha"])

_MAIN = ("main", "master")  # the main line where nobody says which it is
_LONGEST = 128  # of a tag (distribution-spec v1.1)
_MARK = 16  # hex digits
_OTHER = re.compile(r"[^A-Za-z0-9_.-]+")
_LOOPBACK = re.compile(r"(?P<scheme>https?)://(?:localhost|127\.0\.0\.1)(?::(?P<port>\d{1,5}))?(?:/|\Z)")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Event:
    """What brought a run, as far as its caches are concerned.

    `branch` is empty for a git tag, and where nobody knows. `main` is the main line's branch where it is known. `exact`
    is whether the run builds what a commit says.
    """

    branch: str = ""
    pull_request: bool = False
    main: str = ""
    exact: bool = True

    @property
    def scopes(self) -> tuple[str, ...]:
        """Scopes to read, the run's own first; "" is the main line's."""
        own = self.branch
        main = own in ((self.main,) if self.main else _MAIN)
        return ("",) if main or not own or self.pull_request else (own, "")

    def writes(self, export: str) -> bool:
        """Whether a run writes caches whose `export` is this: never for a pull request, for a branch's commit with
        `branch`, for anything else with `always` alone."""
        if self.pull_request or export == "never":
            return False
        return export == "always" or bool(self.branch and self.exact)


@dataclass(frozen=True, slots=True)
class Folder:
    """A local cache: a folder of this machine, where it is in the client's container, and whether it is written."""

    source: str
    path: str
    written: bool


@dataclass(frozen=True, slots=True)
class Caches:
    """The caches of one build: options of `--import-cache` and `--export-cache`, and the folders they mean."""

    imports: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    folders: tuple[Folder, ...] = ()


def caches(entries: Sequence[CacheEntry], event: Event, image: str, tag: str, platform: Platform) -> Caches:
    """The caches of one image tag and platform in a run."""
    imports, exports, folders = [], [], []
    names = [name_of(image, tag, platform, scope) for scope in event.scopes]
    for number, entry in enumerate(entries):
        for name in names:
            written = name == names[0] and event.writes(entry.export)
            where, there = _where(entry, name), f"{FOLDERS}/{number}/{name}"
            source, destination = {}, {}
            if entry.type == "local":
                source, destination = {"src": there}, {"dest": there}
                folders.append(Folder(f"{entry.attributes['path']}/{name}", there, written))
            imports.append(record(where | source))
            if written:
                exports.append(record(where | destination | _how(entry)))
    return Caches(tuple(imports), tuple(exports), tuple(folders))


def name_of(image: str, tag: str, platform: Platform, scope: str = "") -> str:
    """A cache's name, as a tag may be: what it is of, as far as that can be read, and a hash of it, so that no two
    caches have the same name, whatever images and branches are called."""
    exact = "\0".join((image, tag, str(platform), scope))
    mark = hashlib.sha256(exact.encode()).hexdigest()[:_MARK]
    parts = (image, tag, platform.slug, scope)
    text = _OTHER.sub("-", "-".join(part for part in parts if part)).lstrip(".-")
    return f"{text[: _LONGEST - _MARK - 1]}-{mark}"


def usable(entries: Iterable[CacheEntry], variables: Mapping[str, str]) -> Iterator[tuple[CacheEntry, str]]:
    """Each entry, and why it cannot be used in this run; empty where it can."""
    for entry in entries:
        here = {"ACTIONS_CACHE_URL", "ACTIONS_RESULTS_URL"} & set(variables)
        outside = entry.type == "gha" and not (here and "ACTIONS_RUNTIME_TOKEN" in variables)
        yield entry, "ACTIONS_RUNTIME_TOKEN and ACTIONS_RESULTS_URL are not set" if outside else ""


def hosts(entries: Iterable[CacheEntry]) -> set[str]:
    """Registries that caches are in."""
    return {Repository.parse(e.attributes["ref"]).host for e in entries if e.type == "registry"}


def ports(entries: Iterable[CacheEntry]) -> set[int]:
    """Ports of this machine's loopback that S3 endpoints listen on."""
    found = (_LOOPBACK.match(e.attributes.get("endpoint_url", "")) for e in entries if e.type == "s3")
    return {int(match["port"] or _DEFAULT_PORTS[match["scheme"]]) for match in found if match}


def _where(entry: CacheEntry, name: str) -> dict[str, str]:
    """The options that a cache's import and export have in common; a local one has its path besides."""
    match entry.type:
        case "registry":
            own = {"ref": str(Repository.parse(entry.attributes["ref"]).tagged(name))}
        case "s3":
            own = {**entry.attributes, "name": name}
            if prefix := own.get("prefix"):
                own["prefix"] = prefix.rstrip("/") + "/"
            if endpoint := own.get("endpoint_url"):
                # The daemon has this machine's ports under that name, and a loopback of its own.
                own["endpoint_url"] = endpoint.replace("//127.0.0.1", "//localhost", 1)
        case "gha":
            scope = entry.attributes.get("scope")
            own = {"scope": f"{scope}-{name}" if scope else name}
        case _:
            own = {}
    return {"type": entry.type, **own}


def _how(entry: CacheEntry) -> dict[str, str]:
    """What an export has alone. A cache that cannot be written is worth a warning, and no build."""
    out = {"mode": entry.mode, "ignore-error": "true"}
    if entry.type in ("registry", "local"):  # the others always use gzip
        out["compression"] = entry.compression
    if entry.type == "local":
        out["reset"] = "true"
    return out
