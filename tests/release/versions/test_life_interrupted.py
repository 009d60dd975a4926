"""A hundred lives of one image by fixed seeds: released, released again and rolled back, killed or disturbed at any of
their writes. No tag ever names something incomplete or unsigned, and the same command run again completes it."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import pytest

from pipeline.errors import LockageError, RegistryError
from pipeline.model import Digest, Repository
from pipeline.registry import Registry
from pipeline.release.history import read_history
from pipeline.release.verification import VerificationRequest, verify_references
from pipeline.state.ledger import load_ledger
from pipeline.trust import PublicKey
from tests.registry.fault_proxy import Proxy, faulty
from tests.registry.interrupted import killable
from tests.stages.fleet import PUBLIC, Fleet, make_fleet, plan

from .killed import PROGRAMS, Kill, Life, killed, until
from .test_releases import build, published

pytestmark = [pytest.mark.real, pytest.mark.anyio]

LIVES = 34  # of three steps each; --seeds tries more
OLD, NEW = "v1.0.0", "v1.1.0"
ROLLING = ("v1", "latest")
FAULTS = ("reset after", "503", "500 after", "reset", "truncated", "429 with Retry-After")
WRITES = {"release": 60, "rollback": 14}
"""Every program has about so many."""
ENDS = ("killed", "disturbed", "cut off")


@dataclass(frozen=True)
class Versions:
    """Two commits' images, built and signed, and their indexes."""

    fleet: Fleet
    folder: Path
    old: tuple[Life, Digest]
    new: tuple[Life, Digest]

    def at(self, number: int, live: str) -> tuple[Life, Life]:
        """The same, released to places of its own."""

        def moved(life: Life) -> Life:
            project = life.plan.project
            first, prod, other = project.environments
            environments = (
                first,
                replace(prod, name=f"prod{number}", repository=f"life{number}/{prod.repository}"),
                replace(
                    other, name=f"live{number}", repository=f"life{number}/{{image}}", registry=f"{live}/acme"
                ),
            )
            to = tuple(e.name for e in environments[1:])
            project = replace(project, environments=environments, release_to=to)
            return replace(life, plan=replace(life.plan, project=project))

        return moved(self.old[0]), moved(self.new[0])


@pytest.fixture
async def versions(olareg: str, registry: Registry, tmp_path: Path) -> Versions:
    fleet = await make_fleet(registry, plan(olareg), tmp_path)

    def life() -> Life:
        return Life(fleet.context.plan, tmp_path, fleet.context.revision)

    old = await published(fleet)
    first = life()
    new = await build(fleet, "new")
    return Versions(fleet, tmp_path, (first, old), (life(), new))


async def test_killed_or_disturbed_at_a_hundred_moments(
    versions: Versions, olareg: str, seeds: int | None
) -> None:
    lives = seeds or LIVES
    (_, old), (_, new) = versions.old, versions.new
    ended = dict.fromkeys(ENDS, 0)
    async with faulty(olareg) as proxy:
        for number in range(lives):
            chance = random.Random(number)
            first, second = versions.at(number, proxy.host)
            steps = (
                ("release", first, OLD, {OLD: old, "v1": old, "latest": old}),
                ("release", second, NEW, {OLD: old, NEW: new, "v1": new, "latest": new}),
                ("rollback", second, "", {OLD: old, "v1": old, "latest": old}),
            )
            for program, life, version, wanted in steps:
                kill = Kill(chance.randint(1, WRITES[program]), chance.random() < 0.5)
                match chance.choices(ENDS, (2, 1, 5))[0]:
                    case "killed":
                        code = await killable.end(killable.start(killed, program, life, version, kill))
                        ended["killed"] += code == -9
                    case "disturbed":
                        ended["disturbed"] += await disturbed(proxy, program, life, version, chance)
                    case "cut off":
                        ended["cut off"] += await cut_off(program, life, version, kill)
                await each_tag_is_whole(life, {old, new})
                if not await is_rolled_back(life):  # once more would go back further
                    async with Registry() as registry:
                        await PROGRAMS[program](life, version, registry)
                await completed(life, wanted, program)
    print(f"{lives} lives: {ended}")
    assert ended["killed"] * 4 > lives and ended["cut off"] > lives and ended["disturbed"] * 9 > lives, ended


async def disturbed(proxy: Proxy, program: str, life: Life, version: str, chance: random.Random) -> bool:
    """Run it while the second registry has faults; whether there were any."""
    made = len(proxy.made)
    proxy.every(chance.randint(4, 16), *chance.sample(FAULTS, 3))
    try:
        async with Registry() as registry:
            await PROGRAMS[program](life, version, registry)
    except LockageError:
        pass
    finally:
        proxy.plan = lambda number, request: None
    await proxy.settled()
    return len(proxy.made) > made


async def cut_off(program: str, life: Life, version: str, kill: Kill) -> bool:
    """Run it until the network is gone, as a process that is killed leaves it; whether it ended early."""
    try:
        async with Registry() as registry:
            until(registry, kill, gone)
            await PROGRAMS[program](life, version, registry)
    except LockageError:
        return True
    return False


def gone() -> None:
    raise RegistryError("the network is gone")


async def is_rolled_back(life: Life) -> bool:
    """Whether the newest entry of the first ledger is a rollback that is complete."""
    async with Registry() as registry:
        store = life.context(registry).store()
        newest = (await load_ledger(store, life.plan.project.releases[0].name)).newest
    return newest is not None and newest.complete and newest.act.command == "rollback"


def repositories(life: Life) -> list[Repository]:
    project = life.plan.project
    host = project.vulnerability_db.repository.host
    return [project.repository(environment, "app", embedded=host) for environment in project.releases]


async def each_tag_is_whole(life: Life, digests: set[Digest]) -> None:
    """Every tag that there is names one of the images, signed, with all that its platforms are made of."""
    async with Registry() as registry:
        for repository in repositories(life):
            named = [t for t in await registry.tags(repository) if not t.startswith("sha256-")]
            references = [repository.tagged(tag) for tag in named]
            await verify_references(
                registry, PublicKey(PUBLIC, "the key"), [VerificationRequest(r) for r in references]
            )
            heads = {head.digest for r in references if (head := await registry.head(r))}
            assert heads <= digests
            for digest in heads:
                index = await registry.get_manifest(repository.at(digest))
                assert index and len(index.children) == 2
                for child in index.children:
                    image = await registry.get_manifest(repository.at(child.digest))
                    assert image, child
                    for blob in image.blobs:
                        assert await registry.has_blob(repository, blob.digest)


async def completed(life: Life, wanted: dict[str, Digest], program: str) -> None:
    """The tags are where they belong, and the ledgers agree."""
    places = list(zip(life.plan.project.releases, repositories(life), strict=True))
    async with Registry() as registry:
        context = life.context(registry)
        for environment, repository in places[:1] if program == "rollback" else places:
            for tag, digest in wanted.items():
                head = await registry.head(repository.tagged(tag))
                assert head and head.digest == digest, f"{repository}:{tag} after {program}"
            ledger = await load_ledger(context.store(), environment.name)
            assert ledger.newest and (ledger.newest.complete or program != "rollback")
            assert not (await read_history(context, environment, check=True)).problems


async def test_two_releases_of_one_version_at_once(versions: Versions, distribution: str) -> None:
    """Registries have no compare-and-set, so that either may win; what each tag names is whole all the same."""
    (_, old), (_, new) = versions.old, versions.new
    for number in range(LIVES, LIVES + 5):
        first, second = versions.at(number, distribution)
        faults: list[LockageError] = []

        async def one(life: Life, faults: list[LockageError] = faults) -> None:
            try:
                async with Registry() as registry:
                    await PROGRAMS["release"](life, OLD, registry)
            except LockageError as fault:
                faults.append(fault)

        async with anyio.create_task_group() as group:
            group.start_soon(one, first)
            group.start_soon(one, second)
        await each_tag_is_whole(first, {old, new})
        async with Registry() as registry:
            heads = [await registry.head(r.tagged(OLD)) for r in repositories(first)]
        assert {head.digest for head in heads if head} <= {old, new} and None not in heads
        await one(first)
        await one(second)
        assert faults, "one of the two is refused, now or before"
