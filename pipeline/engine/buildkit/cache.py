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
from typing import Protocol
from urllib.parse import urlsplit

from pipeline.model import Platform, Repository

from .order import record

FOLDERS = "/cache"  # where folders of local caches are in the client's container

DAEMON_VARIABLES = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
}
"""What the daemon reads for a type of cache (cache/remotecache/s3: the AWS SDK's default configuration)."""

CLIENT_VARIABLES = {
    "gha": ("ACTIONS_CACHE_SERVICE_V2", "ACTIONS_CACHE_URL", "ACTIONS_RESULTS_URL", "ACTIONS_RUNTIME_TOKEN"),
}
"""What buildctl reads for a type of cache (cmd/buildctl/build/util.go, loadGithubEnv)."""

REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
VARIABLES = (*DAEMON_VARIABLES["s3"], *CLIENT_VARIABLES["gha"], *REGION_VARIABLES)

_MAIN = ("main", "master")  # the main line where nobody says which it is
_REGION = "us-east-1"  # BuildKit refuses to have none; stores that are not AWS's do not look at it
_LONGEST = 128  # of a tag (distribution-spec v1.1)
_MARK = 16  # hex digits
_OTHER = re.compile(r"[^A-Za-z0-9_.-]+")
_LOOPBACK = {"localhost", "127.0.0.1"}


class Entry(Protocol):
    """One entry of `cache:` in lockage.yml."""

    @property
    def type(self) -> str: ...
    @property
    def mode(self) -> str: ...
    @property
    def compression(self) -> str | None: ...
    @property
    def export(self) -> str: ...
    @property
    def ref(self) -> Repository | str | None: ...
    @property
    def bucket(self) -> str | None: ...
    @property
    def region(self) -> str | None: ...
    @property
    def prefix(self) -> str | None: ...
    @property
    def endpoint_url(self) -> str | None: ...
    @property
    def use_path_style(self) -> bool: ...
    @property
    def path(self) -> str | None: ...
    @property
    def scope(self) -> str | None: ...


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


def caches(
    entries: Sequence[Entry],
    event: Event,
    image: str,
    tag: str,
    platform: Platform,
    variables: Mapping[str, str] | None = None,
) -> Caches:
    """The caches of one image tag and platform in a run. `variables` are those of `VARIABLES` that are set."""
    imports, exports, folders = [], [], []
    for number, entry in enumerate(entries):
        names = [name_of(image, tag, platform, scope) for scope in event.scopes]
        writes = event.writes(entry.export)
        for name in names:
            written = writes and name == names[0]
            there = f"{FOLDERS}/{number}/{name}"
            where = _where(entry, name, variables or {})
            if entry.type == "local":
                folders.append(Folder(f"{entry.path}/{name}", there, written))
            imports.append(record(where | ({"src": there} if entry.type == "local" else {})))
            if written:
                exports.append(
                    record(where | ({"dest": there} if entry.type == "local" else {}) | _how(entry))
                )
    return Caches(tuple(imports), tuple(exports), tuple(folders))


def name_of(image: str, tag: str, platform: Platform, scope: str = "") -> str:
    """A cache's name, as a tag may be: what it is of, as far as that can be read, and a hash of it, so that no two
    caches have the same name, whatever images and branches are called."""
    exact = "\0".join((image, tag, str(platform), scope))
    mark = hashlib.sha256(exact.encode()).hexdigest()[:_MARK]
    parts = (image, tag, platform.slug, scope)
    text = _OTHER.sub("-", "-".join(part for part in parts if part)).lstrip(".-")
    return f"{text[: _LONGEST - _MARK - 1]}-{mark}"


def usable(entries: Iterable[Entry], variables: Mapping[str, str]) -> Iterator[tuple[Entry, str]]:
    """Each entry, and why it cannot be used in this run; empty where it can."""
    for entry in entries:
        here = {"ACTIONS_CACHE_URL", "ACTIONS_RESULTS_URL"} & set(variables)
        outside = entry.type == "gha" and not (here and "ACTIONS_RUNTIME_TOKEN" in variables)
        yield entry, "ACTIONS_RUNTIME_TOKEN and ACTIONS_RESULTS_URL are not set" if outside else ""


def hosts(entries: Iterable[Entry]) -> set[str]:
    """Registries that caches are in."""
    return {_repository(entry).host for entry in entries if entry.type == "registry"}


def ports(entries: Iterable[Entry]) -> set[int]:
    """Ports of this machine's loopback that S3 endpoints listen on. Raises ValueError for what is no port."""
    ends = [urlsplit(entry.endpoint_url or "") for entry in entries if entry.type == "s3"]
    return {end.port or _default_port(end.scheme) for end in ends if end.hostname in _LOOPBACK}


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _where(entry: Entry, name: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The options that a cache's import and export have in common; a local one has its path besides."""
    out = {"type": entry.type}
    match entry.type:
        case "registry":
            out["ref"] = str(_repository(entry).tagged(name))
        case "s3":
            region = next((value for v in REGION_VARIABLES if (value := variables.get(v))), _REGION)
            out |= {"bucket": entry.bucket or "", "region": entry.region or region, "name": name}
            if entry.prefix:
                out["prefix"] = entry.prefix.rstrip("/") + "/"
            if entry.endpoint_url:
                # The daemon has this machine's ports under that name, and a loopback of its own.
                out["endpoint_url"] = entry.endpoint_url.replace("//127.0.0.1", "//localhost", 1)
            if entry.use_path_style:
                out["use_path_style"] = "true"
        case "gha":
            out["scope"] = f"{entry.scope}-{name}" if entry.scope else name
    return out


def _how(entry: Entry) -> dict[str, str]:
    """What an export has alone. A cache that cannot be written is worth a warning, and no build."""
    out = {"mode": entry.mode, "ignore-error": "true"}
    if entry.compression and entry.type in ("registry", "local"):
        out["compression"] = entry.compression
    if entry.type == "local":
        out["reset"] = "true"
    return out


def _repository(entry: Entry) -> Repository:
    return entry.ref if isinstance(entry.ref, Repository) else Repository.parse(entry.ref or "")
