"""Options that several commands share, as groups of a command's own options. Parsing them imports no other room."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.util.dataclass import dataclass
from pipeline.util.shard import parse_shard

from .arguments import flag, group, inherited, option, positional, repeated

if TYPE_CHECKING:
    from pipeline.model import Platform

    from .instance.engines import EngineAddress


_COUNT = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonOptions:
    """What every command understands: the folder to work in, tracebacks, data as JSON."""

    root: Path = inherited()
    verbose: bool = inherited()
    json: bool = flag("--json", help="data as JSON on stdout")


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `number` (from 1) of `count`."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read I/N. Raises ArgumentTypeError."""
        try:
            return cls(*parse_shard(text))
        except ValueError as fault:
            raise argparse.ArgumentTypeError(str(fault)) from None

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def _platforms(texts: tuple[str, ...]) -> tuple[Platform, ...]:
    from pipeline.errors import UsageError
    from pipeline.model import Platform

    try:
        return tuple(Platform.parse(text) for text in texts)
    except ValueError as fault:
        raise UsageError(str(fault)) from None


def _engines(texts: tuple[str, ...]) -> tuple[EngineAddress, ...]:
    from .instance.engines import parse_engines

    return parse_engines(texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSelection:
    """Which targets of the catalogue; all of them by default."""

    targets: tuple[str, ...] = positional(
        nargs="*", default=(), metavar="TARGET", help="images, tags or ids (default: all)"
    )
    platforms: tuple[Platform, ...] = repeated(
        "--platform", metavar="OS/ARCH", convert=_platforms, help="only this platform; may be repeated"
    )
    only: tuple[str, ...] = repeated(
        "--only", metavar="ID", help="only this target, by its id; may be repeated"
    )
    shard: Shard | None = option(
        "--shard", type=Shard.parse, metavar="I/N", help="only part I of N, with its bases"
    )
    affected: str | None = option(
        "--affected",
        metavar="COMMIT",
        exclusive="changes",
        help="only what differs from this commit, and its dependents",
    )
    changed_files_from: str | None = option(
        "--changed-files-from",
        metavar="FILE",
        exclusive="changes",
        help="only what reads one of these files, and its dependents; one name a line, - is stdin",
    )

    @property
    def patterns(self) -> tuple[str, ...]:
        """The names of targets, by `--only` or as arguments."""
        return self.only or self.targets

    @property
    def by_change(self) -> bool:
        """Whether a change decides."""
        return self.affected is not None or self.changed_files_from is not None

    @property
    def splits_tags(self) -> bool:
        """Whether single targets are chosen rather than whole image tags."""
        chosen = (self.platforms, self.only, self.shard, self.affected, self.changed_files_from)
        return any(chosen) or any("/" in name for name in self.targets)

    @property
    def leaves_out(self) -> bool:
        """Whether targets may be left to other runs: those not chosen, and platforms of a base that a chosen image
        lacks."""
        return self.splits_tags or bool(self.targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """Where problems of the catalogue are reported besides stderr."""

    code_quality: Path | None = option(
        "--code-quality",
        type=Path,
        metavar="FILE",
        help="write problems of the catalogue as GitLab's report (artifacts: codequality)",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueOptions:
    """Which part of the catalogue, and where its problems are reported."""

    selection: TargetSelection = group(TargetSelection)
    report: ReportOptions = group(ReportOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatoryOptions:
    """Who is to have signed: a key, or an identity by the names that cosign gives its parts."""

    key: Path | None = option("--key", type=Path, metavar="FILE", help="public key (default: this site's)")
    identity: str | None = option(
        "--certificate-identity",
        metavar="SUBJECT",
        exclusive="subject",
        help="keyless: the workflow or e-mail address that the certificate is for",
    )
    identity_regexp: str | None = option(
        "--certificate-identity-regexp",
        metavar="REGEXP",
        exclusive="subject",
        help="the same as an anchored expression, ^…$",
    )
    oidc_issuer: str | None = option(
        "--certificate-oidc-issuer", metavar="URL", exclusive="issuer", help="who issued that identity"
    )
    oidc_issuer_regexp: str | None = option(
        "--certificate-oidc-issuer-regexp",
        metavar="REGEXP",
        exclusive="issuer",
        help="the same as an anchored expression, ^…$",
    )
    trusted_root: Path | None = option(
        "--trusted-root",
        type=Path,
        metavar="FILE",
        help="what verifies certificates, in JSON (default: the public Sigstore's)",
    )


def at_least_one(text: str) -> int:
    """Read a count. Raises ArgumentTypeError."""
    if not _COUNT.fullmatch(text):
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 999999")
    return int(text)


def offline_flag() -> Any:
    """`--offline`: no request for the scanner's data."""
    return flag("--offline", help="scan with the data that the cache has; request none (LOCKAGE_OFFLINE)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run does its work."""

    fresh: bool = flag(
        "--fresh", "--no-cache", help="build even where the key is known, and without any cache"
    )
    pull: bool = flag("--pull", help="resolve the bases' tags again, and pin those that have moved")
    offline: bool = offline_flag()
    emulate: bool = flag("--emulate", help="run programs of other platforms by qemu (LOCKAGE_EMULATE)")
    no_push: bool = flag(
        "--no-push",
        help="build, examine and judge, but push, sign and promote nothing (default for pull requests from forks)",
    )
    engines: tuple[EngineAddress, ...] = repeated(
        "--engine",
        metavar="PLATFORM=ADDRESS",
        convert=_engines,
        help="the engine for a platform's targets; may be repeated (LOCKAGE_ENGINES, with commas)",
    )
    jobs: int | None = option(
        "--jobs", "-j", type=at_least_one, metavar="N", help="how many targets at once (default: processors)"
    )


def locked_flag() -> Any:
    """`--locked`: nothing that is not pinned, and no pin made on the way."""
    return flag("--locked", help="require a complete lock; never write it")


def snapshot_option() -> Any:
    """`--snapshot-id ID`: tags of their own for a merge request or an experiment."""
    return option("--snapshot-id", metavar="ID", help="append -ID to every tag, in FROM too; no aliases")


def refs_option() -> Any:
    """`--refs FILE`: what was pushed, for another job."""
    return option(
        "--refs", type=Path, metavar="FILE", help="write what was pushed, by digest, for `lockage manifest`"
    )


def reports_option() -> Any:
    """`--reports DIR`: all reports of a run, for people and for a CI."""
    return option(
        "--reports",
        type=Path,
        metavar="DIR",
        help="write reports: SARIF, JUnit, GitLab's, JSON, Markdown, a page (LOCKAGE_REPORTS)",
    )


def output_option(default: Path, help: str) -> Any:
    """`--output DIR`: the folder that is written to."""
    return option("--output", type=Path, default=default, metavar="DIR", help=help)
