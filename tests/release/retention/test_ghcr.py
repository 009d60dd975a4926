"""Retention by GitHub's API for packages: versions and pages, rate limits, what GitHub keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pipeline.errors import RegistryError
from pipeline.model.manifest import Manifest
from pipeline.policy.retention import DAY
from pipeline.registry import Registry
from pipeline.registry.packages import github
from pipeline.registry.packages.github import GithubPackages
from pipeline.release.retention.ghcr import GhcrDeletion
from tests.registry import images

from .github_packages import Packages, exhausted, serving
from .repository import NOW, Yard, within

pytestmark = [pytest.mark.real, pytest.mark.anyio]


@pytest.fixture
async def packages(olareg: str, registry: Registry) -> AsyncIterator[tuple[Yard, Packages]]:
    """A yard whose repository is deleted from by GitHub's API."""
    yard = Yard(olareg)
    async with (
        serving(Packages(registry, yard.repository)) as made,
        GithubPackages("secret", host=made.host) as api,
    ):
        yard.deletions = {yard.repository: GhcrDeletion(api, yard.repository)}
        yield yard, made


def pushed(made: Packages, days: int, *manifests: Manifest) -> None:
    made.pushed |= {manifest.digest: NOW - days * DAY for manifest in manifests}


async def image(yard: Yard, made: Packages, days: int, *tags: str) -> images.Image:
    found = await yard.push(f"{days} {tags}", *tags)
    pushed(made, days, *found.children, found.index)
    return found


async def test_versions_go_by_their_dates_with_all_that_only_they_needed(
    packages: tuple[Yard, Packages],
) -> None:
    """By the registry's dates, in the first run."""
    yard, made = packages
    yard.untagged = 5
    old = await image(yard, made, 30, "old-1", "old-2")
    young = await image(yard, made, 3, "old-3")
    both = await image(yard, made, 40, "old-both", "keep-both")
    kept = await image(yard, made, 50, "keep-1")
    signature = await yard.attach(old.index.descriptor, "signature")
    of_kept = await yard.attach(kept.index.descriptor, "signature of what stays")
    untagged = await image(yard, made, 20)
    fresh = await image(yard, made, 2)
    pushed(made, 30, signature, of_kept)
    plan = await yard.plan()
    assert "deletes no single tags" in {v.tag: v.reason for v in plan.repositories[0].kept}["old-both"]
    outcome = await yard.apply()
    assert outcome.fault is None and not outcome.broken and not outcome.refused and not outcome.saved
    gone = (old.index, *old.children, signature, untagged.index, *untagged.children)
    assert await yard.there(*gone) == [False] * len(gone)
    stays = (young.index, both.index, kept.index, *kept.children, of_kept, fresh.index, *fresh.children)
    assert await yard.there(*stays) == [True] * len(stays)
    assert await yard.tags() == {"old-3", "old-both", "keep-both", "keep-1"}
    assert {method for method, _ in made.asked} == {"GET", "DELETE"}


async def test_a_user_s_package_of_several_pages(
    packages: tuple[Yard, Packages], monkeypatch: pytest.MonkeyPatch
) -> None:
    yard, made = packages
    monkeypatch.setattr(github, "_PAGE", 5)
    made.kind = "users"
    (one,) = images.image("one", platforms=("linux/amd64",), layers=1).children
    await yard.push("one", platforms=("linux/amd64",))
    for number in range(13):
        manifest = images.manifest_of(one.config, list(one.layers), annotations={"number": str(number)})  # type: ignore[arg-type]
        await yard.tag(manifest, f"{'old' if number < 9 else 'keep'}-{number}")
        pushed(made, 30, manifest)
    outcome = await yard.apply()
    assert outcome.fault is None and len([a for a in outcome.deleted if a.tag]) == 9
    assert len(await yard.tags()) == 4
    pages = [path for method, path in made.asked if method == "GET" and path.startswith("/users/")]
    assert any(path.endswith("page=2") for path in pages)


async def test_what_github_keeps_is_reported_and_the_rest_goes(packages: tuple[Yard, Packages]) -> None:
    yard, made = packages
    popular = await image(yard, made, 30, "old-popular")
    old = [(await image(yard, made, 30, f"old-{number}")).index for number in range(4)]
    await image(yard, made, 30, "keep-1")
    made.popular = {popular.index.digest}
    outcome = await yard.apply()
    assert outcome.fault is None and not outcome.broken
    ((action, reason),) = [
        (a, r) for a, r in outcome.refused if a.digest == popular.index.digest and not a.tag
    ]
    assert action and "5000 downloads" in reason
    assert await yard.there(popular.index, *popular.children) == [True] * 3, "its children go on being needed"
    assert await yard.there(*old) == [False] * 4, "whether they came before it or after"


async def test_the_last_tagged_version_stays(packages: tuple[Yard, Packages]) -> None:
    yard, made = packages
    last = await image(yard, made, 30, "old-1")
    outcome = await within(yard, allow_empty=True).apply()
    assert any("last tagged version" in reason for _, reason in outcome.refused)
    assert await yard.there(last.index, *last.children) == [True] * 3


async def test_short_limits_are_waited_for_and_long_ones_end_the_run(packages: tuple[Yard, Packages]) -> None:
    yard, made = packages
    old = await image(yard, made, 30, "old-1")
    await image(yard, made, 30, "keep-1")
    made.limits = [exhausted(0), {"retry-after": "0"}]
    assert (await yard.plan()).deletions
    made.limits = [exhausted(3_000)]
    with pytest.raises(RegistryError, match="limits the rate of requests until") as limited:
        await yard.plan()
    assert "run again" in (limited.value.hint or "")
    assert await yard.there(old.index) == [True]


async def test_a_token_without_rights_is_one_clear_error(packages: tuple[Yard, Packages]) -> None:
    yard, made = packages
    made.token = "another"
    with pytest.raises(RegistryError, match="401") as refused:
        await yard.plan()
    assert "delete:packages" in (refused.value.hint or "") and "secret" not in str(refused.value.to_json())
