"""Releases on real registries: one version's tags in two registries at once, all or none, and never backwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import Exit, LockageError, RegistryError, UsageError
from pipeline.model import Digest, Reference, Repository
from pipeline.registry import Registry
from pipeline.registry.http.messages import Request, Response
from pipeline.release.verification import VerificationRequest, verify_references
from pipeline.release.versions.release import ReleaseNames, Releases
from pipeline.run import Stage
from pipeline.run.publish.environment_tags import TagsRefused
from pipeline.state.ledger import load_ledger
from pipeline.trust import PublicKey
from tests.release.promotions import rebuild, with_options
from tests.stages.fleet import PUBLIC, Fleet, make_fleet, plan, recorded

pytestmark = [pytest.mark.real, pytest.mark.anyio]

Send = Callable[[Request], Awaitable[Response]]

STABLE = ("v2.3.0", "v2.3", "v2", "latest")


@pytest.fixture
async def fleet(olareg: str, distribution: str, registry: Registry, tmp_path: Path) -> Fleet:
    """One image, published and signed by a run of its commit; releases go to two registries."""
    made = await make_fleet(registry, plan(olareg), tmp_path)
    project = made.context.plan.project
    first, prod, live = project.environments
    live = replace(live, registry=f"{distribution}/acme")
    project = replace(project, environments=(first, prod, live), release_to=(prod.name, live.name))
    made.context = replace(made.context, plan=replace(made.context.plan, project=project))
    await published(made)
    return made


async def release(fleet: Fleet, version: str = "v2.3.0", *, only_plan: bool = False) -> list[Reference]:
    """Release as another process does it; gives the tags that were written, or would be."""
    async with Registry() as registry:
        context = replace(fleet.context, registry=registry)
        fleet.requests = recorded(registry)
        names = ReleaseNames.of(context.plan, version)
        done = await Releases(context, names, context.plan.project.releases).perform(only_plan=only_plan)
        return [move.reference for one in done for move in one.promotion.moves]


async def build(fleet: Fleet, seed: str) -> Digest:
    """Another commit's image, published and signed."""
    await rebuild(fleet, seed)
    revision = replace(fleet.context.revision, sha=Digest.of(seed.encode()).hex[:40])
    fleet.context = replace(fleet.context, revision=revision)
    return await published(fleet)


async def published(fleet: Fleet) -> Digest:
    """The index of the one image of a run up to its signature."""
    (image,) = (await fleet.run(Stage.SIGN)).images
    assert image.index and not image.fault
    return image.index


def repositories(fleet: Fleet) -> list[Repository]:
    context = fleet.context
    return [context.repository(environment, "app") for environment in context.plan.project.releases]


async def tags(fleet: Fleet, *names: str) -> list[Digest | None]:
    """What each tag names, in all repositories the same."""
    found = []
    for name in names:
        async with Registry() as registry:
            heads = [await registry.head(repository.tagged(name)) for repository in repositories(fleet)]
        (digest,) = {head.digest if head else None for head in heads}
        found.append(digest)
    return found


async def whole(fleet: Fleet, *names: str) -> int:
    """How many of these tags there are; each names an image of the commit or an earlier one that is signed for the tag,
    with every platform."""
    references = [r.tagged(tag) for r in repositories(fleet) for tag in names or STABLE]
    async with Registry() as registry:
        there = [reference for reference in references if await registry.head(reference)]
        await verify_references(
            registry, PublicKey(PUBLIC, "the key"), [VerificationRequest(r) for r in there]
        )
        for reference in there:
            manifest = await registry.get_manifest(reference)
            assert manifest and len(manifest.children) == 2
            for child in manifest.children:
                image = await registry.get_manifest(reference.repository.at(child.digest))
                assert image
                for blob in (image.config, *image.layers):
                    assert blob and await registry.has_blob(reference.repository, blob.digest)
    return len(there)


async def test_one_version_in_two_registries(fleet: Fleet) -> None:
    planned = await release(fleet, only_plan=True)
    assert await whole(fleet) == 0
    written = await release(fleet)
    assert written == planned == [r.tagged(tag) for r in repositories(fleet) for tag in STABLE]
    assert await whole(fleet) == 8
    for environment in fleet.context.plan.project.releases:
        ledger = await load_ledger(fleet.context.store(), environment.name)
        assert ledger.newest and ledger.newest.act.command == "release" and ledger.newest.complete
    assert await release(fleet) == []
    assert [r.method for r in fleet.requests] == ["HEAD"] * (1 + 8), "the commit's tag, and four in each"


async def test_tags_only_move_forward(fleet: Fleet) -> None:
    old = await published(fleet)
    await release(fleet, "v2.3.0")
    new = await build(fleet, "three")
    await release(fleet, "v3.0.0")
    candidate = await build(fleet, "rc")
    assert {r.tag for r in await release(fleet, "v3.1.0-rc.1")} == {"v3.1.0-rc.1"}
    fix = await build(fleet, "fix")
    assert {r.tag for r in await release(fleet, "v2.3.1")} == {"v2.3.1", "v2.3", "v2"}
    assert await tags(fleet, "v2.3.0", "v2.3.1", "v2.3", "v2") == [old, fix, fix, fix]
    assert await tags(fleet, "v3.0.0", "v3.0", "v3", "latest") == [new] * 4
    assert await tags(fleet, "v3.1.0-rc.1", "v3.1") == [candidate, None]


async def test_a_version_is_released_once(fleet: Fleet) -> None:
    first = await published(fleet)
    await release(fleet)
    await build(fleet, "other")
    with_options(fleet, force=True, backwards="wanted")
    with pytest.raises(TagsRefused, match="must not be moved") as refused:
        await release(fleet)
    assert refused.value.exit_code == Exit.GATE and "a release never moves" in str(refused.value.detail)
    assert await tags(fleet, *STABLE) == [first] * 4


async def test_what_no_run_built_is_not_released(fleet: Fleet) -> None:
    context = fleet.context
    fleet.context = replace(context, revision=replace(context.revision, sha="b" * 40))
    with pytest.raises(RegistryError, match="No CI image found for commit bbbb"):
        await release(fleet)
    fleet.context = replace(context, revision=replace(context.revision, dirty=True))
    with pytest.raises(UsageError, match="the work tree has changes"):
        await release(fleet)
    with pytest.raises(UsageError, match="not a version"):
        await release(fleet, "next")
    assert await whole(fleet) == 0


async def test_a_registry_that_is_down_keeps_all_tags_from_moving(fleet: Fleet) -> None:
    context = fleet.context
    first, prod, live = context.plan.project.environments
    down = replace(live, registry="127.0.0.1:1")
    project = replace(context.plan.project, environments=(first, prod, down))
    fleet.context = replace(context, plan=replace(context.plan, project=project))
    with pytest.raises(LockageError):
        await release(fleet)
    fleet.context = context
    assert await whole(fleet) == 0
    assert len(await release(fleet)) == 8


async def test_interrupted_anywhere_no_tag_is_wrong_and_a_rerun_completes(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release ends at every ninth of its writes in turn: that one and all after it fail."""
    for number in range(1, 400, 9):
        digest = await build(fleet, f"interrupted {number}")
        version = f"v2.3.{number}"
        async with Registry() as registry:
            send, writes = registry._transport.send, 0

            async def failing(request: Request, last: int = number, send: Send = send) -> Response:
                nonlocal writes
                writes += request.method in ("PUT", "POST", "PATCH")
                if writes >= last:
                    raise RegistryError("the connection is gone")
                return await send(request)

            monkeypatch.setattr(registry._transport, "send", failing)
            context = replace(fleet.context, registry=registry)
            try:
                names = ReleaseNames.of(context.plan, version)
                await Releases(context, names, context.plan.project.releases).perform()
            except LockageError:
                pass
            else:
                break
        await whole(fleet, version, "v2.3", "v2", "latest")
        await release(fleet, version)
        assert await tags(fleet, version, "v2.3", "v2", "latest") == [digest] * 4
    assert number > 50, "so many writes has a release"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ("tags: [1.2.3]\n", {"1.2.3": "v2.3.0"}),
        ("tags: [1.2.3, 1.3.0]\n", {"1.2.3": "v2.3.0-1.2.3", "1.3.0": "v2.3.0-1.3.0"}),
        (
            "tags: [1.2.3]\nvariants: [slim]\n",
            {"1.2.3": "v2.3.0", "1.2.3-slim": "v2.3.0-slim"},
        ),
    ],
)
def test_each_image_tag_has_its_own_names(files: str, expected: dict[str, str]) -> None:
    made = plan("127.0.0.1:1", {"images/app/image.yml": files})
    names = ReleaseNames.of(made, "v2.3.0")
    assert {target.tag: names.tags_of(target).tags[0] for target in made.targets} == expected
    assert all(
        names.tags_of(t).tags[3].removeprefix("latest") == names.tags_of(t).tags[0].removeprefix("v2.3.0")
        for t in made.targets
    )
