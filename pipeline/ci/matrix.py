"""The jobs of a matrix: what is to be built, in as few jobs as can run without waiting for each other.

Targets that are based on each other are one job, so that none waits for what another pushes. A base that the registry
knows joins nobody: every job finds it there. Where a provider allows fewer jobs than there are chains, each job is one
shard of a platform; `--shard` divides the same plan the same way on every machine.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.model import Platform
from pipeline.plan.shards import connected
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.plan import Plan, Target

_SEPARATOR = "+"  # in no name of an image or tag, and allowed in names of artifacts and stashes


@dataclass(frozen=True, slots=True)
class Runner:
    """Where a platform is built: the label of its runners, and whether they emulate it."""

    label: str
    emulates: bool = False


@dataclass(frozen=True, slots=True)
class Runners:
    """The runner of each platform; the others are emulated on the one of `otherwise`."""

    native: Mapping[Platform, str]
    otherwise: Platform

    def of(self, platform: Platform) -> Runner:
        """The runner of a platform."""
        label = self.native.get(platform)
        return Runner(label) if label is not None else Runner(self.native[self.otherwise], emulates=True)


@dataclass(frozen=True, slots=True)
class MatrixJob:
    """One job: `id` is the same whenever its first target is, `arguments` select what it builds."""

    id: str
    name: str
    platform: Platform
    runner: Runner
    arguments: tuple[str, ...]

    def to_json(self) -> dict[str, str]:
        """As data; `args` is one line for a shell."""
        return {
            "id": self.id,
            "name": self.name,
            "platform": str(self.platform),
            "runner": self.runner.label,
            "args": shlex.join([*self.arguments, *(["--emulate"] if self.runner.emulates else [])]),
        }


@dataclass(frozen=True, slots=True)
class Matrix:
    """What there is to do: jobs, none where everything is known."""

    jobs: tuple[MatrixJob, ...] = ()

    @classmethod
    def of(
        cls, plan: Plan, todo: Collection[str], runners: Runners, limit: int, selection: Sequence[str] = ()
    ) -> Matrix:
        """The jobs for targets, by id, of a plan; at most `limit` of them. `selection` are the options that selected
        the plan, for shards of it. Raises ValueError for a limit below the number of platforms."""
        chains: dict[Platform, list[list[Target]]] = {}
        wanted = [target for target in plan.targets if target.id in todo]
        for platform in dict.fromkeys(target.platform for target in wanted):
            chains[platform] = _chains(plan, [target for target in wanted if target.platform == platform])
        if sum(map(len, chains.values())) > limit:
            return cls(_shards(chains, runners, limit, selection))
        return cls(
            tuple(_job(chain, runners.of(platform)) for platform, own in chains.items() for chain in own)
        )

    def to_json(self) -> list[dict[str, str]]:
        """The jobs as data."""
        return [job.to_json() for job in self.jobs]


def _chains(plan: Plan, targets: Sequence[Target]) -> list[list[Target]]:
    """Targets of one platform in groups that are based on each other, each in build order."""
    by_id = {target.id: target for target in targets}
    bases = {target.id: tuple(_nearest_bases(plan, target, by_id)) for target in targets}
    return [[by_id[id] for id in ids] for ids in connected(bases, list(by_id))]


def _nearest_bases(plan: Plan, target: Target, wanted: Collection[str]) -> set[str]:
    """The bases among `wanted` that a run of a target alone would build: also those below bases that are known."""
    nearest, seen, left = set[str](), set[str](), list(target.internal_bases)
    while left:
        base = left.pop()
        if base in wanted:
            nearest.add(base)
        elif base not in seen and base in plan.by_id:
            seen.add(base)
            left += plan.by_id[base].internal_bases
    return nearest


def _job(chain: Sequence[Target], runner: Runner) -> MatrixJob:
    """The job of a chain: it names those that nothing in it is based on, which bring their bases."""
    bases = {base for target in chain for base in target.internal_bases}
    words = [word for target in chain if target.id not in bases for word in ("--only", target.id)]
    first, more = chain[0], f" and {len(chain) - 1} more" if len(chain) > 1 else ""
    name = f"{first.name}{more} ({first.platform})"
    return MatrixJob(first.id.replace("/", _SEPARATOR), name, first.platform, runner, tuple(words))


def _shards(
    chains: Mapping[Platform, Sequence[Sequence[Target]]],
    runners: Runners,
    limit: int,
    selection: Sequence[str],
) -> tuple[MatrixJob, ...]:
    """As many shards for each platform as its part of all targets, one at least."""
    if len(chains) > limit:
        raise ValueError(f"{len(chains)} platforms need more than {limit} jobs")
    sizes = {platform: sum(map(len, own)) for platform, own in chains.items()}
    spare, total, jobs = limit - len(sizes), sum(sizes.values()), list[MatrixJob]()
    for platform, own in chains.items():
        count = min(len(own), 1 + spare * sizes[platform] // total)
        for number in range(1, count + 1):
            options = (*selection, "--platform", str(platform), "--shard", f"{number}/{count}")
            id = f"shard-{number}-of-{count}{_SEPARATOR}{platform.slug}"
            jobs.append(
                MatrixJob(id, f"shard {number}/{count} ({platform})", platform, runners.of(platform), options)
            )
    return tuple(jobs)
