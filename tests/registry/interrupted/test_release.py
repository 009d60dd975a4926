"""Kill -9 at fifty moments of a release, by fixed seeds: push of the platforms, fan-in, statements, tags, promotion.

No visible tag ever points at something incomplete, and the same program run again finishes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from pipeline.model import Digest, Manifest, Repository
from pipeline.registry import Registry
from tests.registry import images
from tests.registry.conftest import fresh
from tests.registry.fault_proxy import Proxy, faulty

from . import killable

pytestmark = [pytest.mark.anyio, pytest.mark.real]

TIMES = 50
TAGS = {"dev": {"ci-1"}, "prod": {"1.2.3", "1.2", "latest"}}


@dataclass(frozen=True)
class Case:
    """Where one release goes, and the arguments of the program."""

    dev: Repository
    prod: Repository
    arguments: dict[str, Any]


def case(builds: Repository, image: images.Image, host: str) -> Case:
    dev, prod = fresh(host), fresh(host)
    platforms = ["linux/amd64", "linux/arm64"]
    children = [(name, str(child.digest)) for name, child in zip(platforms, image.children, strict=True)]
    return Case(dev, prod, repositories(host, builds, dev, prod) | {"children": children})


def repositories(host: str, builds: Repository, dev: Repository, prod: Repository) -> dict[str, Any]:
    """The repositories on a host."""
    places = {"builds": builds, "dev": dev, "prod": prod}
    return {name: str(Repository(host, repo.path)) for name, repo in places.items()}


async def test_killed_at_fifty_moments(host: str) -> None:
    image, builds = images.image("release killed"), fresh(host)
    async with faulty(host) as proxy, Registry() as registry:
        await images.push(registry, builds, image)
        whole = case(builds, image, proxy.host)
        await killable.release(whole.arguments)
        requests = len(proxy.asked)
        await finished(registry, host, whole, image)
        incomplete = 0
        for seed in range(TIMES):
            chance = random.Random(seed)
            one = case(builds, image, proxy.host)
            await killed(proxy, one, chance.randint(1, requests), passed_on=chance.random() < 0.5)
            seen = await visible_is_complete(registry, host, one)
            incomplete += seen < sum(map(len, TAGS.values()))
            # in this process: starting another fifty would be most of the time
            await killable.release(one.arguments | repositories(host, builds, one.dev, one.prod))
            await finished(registry, host, one, image)
        assert incomplete > TIMES // 2, "the kills came too late to show anything"


async def killed(proxy: Proxy, one: Case, moment: int, *, passed_on: bool) -> None:
    """Kill the program when its n-th request arrives; the request itself still reaches the registry, or not. What it
    had sent besides is not passed on: the rerun goes to the registry itself, and nothing old may arrive beside it."""
    process = killable.start(killable.release, one.arguments)
    last = len(proxy.asked) + moment

    def plan(number: int, request: web.Request) -> str | None:
        if number < last:  # what an earlier case had sent when it was killed comes too late for anything
            own = any(repo.path in request.path for repo in (one.dev, one.prod)) or "GET" in request.method
            return None if own else "reset"
        process.kill()
        return "reset after" if passed_on and number == last else "reset"

    proxy.plan = plan
    code = await killable.end(process)
    await proxy.settled()
    ended_first = len(proxy.asked) < last  # it needed fewer requests this time than when they were counted
    assert code == (0 if ended_first else -9)


async def visible_is_complete(registry: Registry, host: str, one: Case) -> int:
    """Everything that any tag shows is there to the last blob; how many of the release's tags are visible."""
    seen = 0
    for name, repo in (("dev", one.dev), ("prod", one.prod)):
        behind = Repository(host, repo.path)
        for tag in await registry.tags(behind):
            top = await registry.get_manifest(behind.tagged(tag))
            assert top is not None
            await complete(registry, behind, top)
            if tag in TAGS[name]:
                seen += 1
                for subject in (top.digest, *(child.digest for child in top.children)):
                    assert len(await registry.referrers(behind, subject)) == 1, (
                        f"{repo}:{tag} without its statement"
                    )
    return seen


async def complete(registry: Registry, repo: Repository, manifest: Manifest) -> None:
    for blob in manifest.blobs:
        assert await registry.has_blob(repo, blob.digest), f"{repo} lacks {blob.digest}"
    for child in manifest.children:
        below = await registry.get_manifest(repo.at(child.digest))
        assert below is not None, f"{repo} lacks {child.digest}"
        await complete(registry, repo, below)


async def finished(registry: Registry, host: str, one: Case, image: images.Image) -> None:
    """All tags are there, on the same index, whose children are those that were built."""
    assert await visible_is_complete(registry, host, one) == sum(map(len, TAGS.values()))
    found: set[Digest] = set()
    for name, repo in (("dev", one.dev), ("prod", one.prod)):
        for tag in TAGS[name]:
            index = await registry.get_manifest(Repository(host, repo.path).tagged(tag))
            assert index is not None
            assert [c.digest for c in index.children] == [c.digest for c in image.children]
            found.add(index.digest)
    assert len(found) == 1
