"""What a version released, and what the version before it did, by the ledgers of the environments of releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.model import Digest
from pipeline.policy.tags import parse_version
from pipeline.util.dataclass import dataclass

from ..history import read_history
from .release import RELEASE, ReleaseNames

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.plan import Target
    from pipeline.run.context import RunContext
    from pipeline.state.ledger import LedgerEntry


@dataclass(frozen=True, slots=True)
class Release:
    """A version with the commit that it was released from, and the digest of each image tag, by name."""

    version: str
    commit: str
    digests: Mapping[str, Digest] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class ReleaseHistory:
    """A release with its names, the one before it if there is one, and the environments that have it.

    `problems` are what is wrong with the ledgers that it was read from: entries that are missing, or not believed."""

    names: ReleaseNames
    release: Release
    before: Release | None
    environments: tuple[Environment, ...]
    problems: tuple[str, ...] = ()


async def read_release(context: RunContext, names: ReleaseNames, to: Sequence[Environment]) -> ReleaseHistory:
    """A version and the stable one before it. Raises RegistryError for one that no environment has."""
    version = names.version
    targets = [group[0] for _, group in context.plan.groups()]
    of_environments: list[tuple[Environment, dict[str, Release]]] = []
    problems: list[str] = []
    for environment in to:
        history = await read_history(context, environment)
        of_environments.append((environment, _releases(history.entries, targets, names.suffixes)))
        problems += [f"the ledger of {environment.name}: {problem}" for problem in history.problems]
    holding = [(environment, releases) for environment, releases in of_environments if version in releases]
    if not holding:
        raise RegistryError(
            f"{version} was not released to {', '.join(environment.name for environment in to)}",
            hint=f"lockage release {version}",
            detail="\n".join(problems) or None,
        )
    releases = holding[0][1]
    return ReleaseHistory(
        names,
        releases[version],
        _before(releases, version),
        tuple(environment for environment, _ in holding),
        tuple(problems),
    )


def _releases(
    entries: Sequence[LedgerEntry], targets: Sequence[Target], suffixes: Mapping[str, str]
) -> dict[str, Release]:
    """Every release that the entries tell of, by version; one that was completed later is one."""
    of_image: dict[str, list[Target]] = {}
    for target in targets:
        of_image.setdefault(target.image, []).append(target)
    commits: dict[str, str] = {}
    digests: dict[str, dict[str, Digest]] = {}
    for entry in reversed(entries):
        for change in entry.changes if entry.act.command == RELEASE else ():
            if change.tag != change.version or change.after is None:
                continue  # it rolls, or is gone
            for target in of_image.get(change.image, ()):
                suffix = suffixes[target.name]
                version = change.tag.removesuffix(suffix)
                if change.tag == f"{version}{suffix}" and _is_version(version, suffix, suffixes):
                    commits[version] = entry.act.commit
                    digests.setdefault(version, {})[target.name] = change.after
    return {v: Release(v, commit, MappingProxyType(digests[v])) for v, commit in commits.items()}


def _is_version(text: str, suffix: str, suffixes: Mapping[str, str]) -> bool:
    """Whether a tag without its suffix is a version. `v2.3.0-slim` is a prerelease of the image tag without a suffix
    only where there is no variant of that name."""
    others = [other for other in suffixes.values() if other and other != suffix]
    return parse_version(text) is not None and not (suffix == "" and any(map(text.endswith, others)))


def _before(releases: Mapping[str, Release], version: str) -> Release | None:
    """The highest stable version below another one."""
    wanted = parse_version(version)
    assert wanted, "it was released"
    lower = [
        (known, release)
        for name, release in releases.items()
        if (known := parse_version(name)) and not known.prerelease and known < wanted
    ]
    return max(lower, key=lambda one: one[0])[1] if lower else None
