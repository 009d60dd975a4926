"""Only what a run publishes of an image tag is promoted, on real registries, whatever its tag was moved to."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import GateClosed, LockageError
from pipeline.model import Descriptor, Digest, Manifest, Reference, Repository
from pipeline.model.descriptor import OCI_INDEX
from pipeline.plan import Target
from pipeline.policy import Revision
from pipeline.registry import Registry
from pipeline.release.promote import Promotions
from pipeline.run import Stage
from pipeline.run.publish.image_claims import ImageClaims
from pipeline.trust import (
    CYCLONEDX,
    SIGNATURE,
    SPDX,
    SignatureRefused,
    Statement,
    attach,
)
from pipeline.util.json.canonical import compact
from tests.registry import images
from tests.stages.fleet import Fleet, make_fleet, plan
from tests.tools.signing.bundles import signed

pytestmark = [pytest.mark.real, pytest.mark.anyio]

MORE = {
    "images/app/image.yml": "tags: [1.2.3, 1.3.0]\n",
    "images/other/image.yml": "tags: [1.2.3]\n",
    "images/other/Dockerfile.tmpl": "FROM debian:12\nUSER 2\n",
}


@pytest.fixture
async def fleet(olareg: str, registry: Registry, tmp_path: Path) -> Fleet:
    """Two images, one of them with two tags, each for two platforms: published, not promoted."""
    made = await make_fleet(registry, plan(olareg, MORE), tmp_path)
    result = await made.run(Stage.SIGN)
    assert not result.faults and len(result.images) == 3
    return made


def group(fleet: Fleet, name: str = "app:1.2.3") -> tuple[Target, ...]:
    """The targets of an image tag."""
    return next(targets for _, targets in fleet.context.plan.groups() if targets[0].name == name)


def repository(fleet: Fleet, name: str = "app", environment: int = 0) -> Repository:
    """The repository of an image in an environment."""
    context = fleet.context
    return context.repository(context.plan.project.environments[environment], name)


def commit_tag(fleet: Fleet, name: str = "app:1.2.3") -> Reference:
    """The commit's tag of an image tag in the first environment."""
    target = group(fleet, name)[0]
    return repository(fleet, target.image).tagged(fleet.context.commit_tags(target)[0])


async def found(registry: Registry, reference: Reference) -> Manifest:
    """A manifest that exists."""
    manifest = await registry.get_manifest(reference)
    assert manifest
    return manifest


async def promote(fleet: Fleet, origin: int = 0, to: int = 1, name: str = "app:1.2.3") -> list[Reference]:
    """Promote one image tag, as another process does it; gives the tags that were written."""
    context, environments = fleet.context, fleet.context.plan.project.environments
    targets = group(fleet, name)
    async with Registry() as registry:
        one = replace(context, plan=replace(context.plan, targets=targets), registry=registry)
        promotions = Promotions(one, environments[origin], [environments[to]])
        done = await promotions.perform()
        return [move.reference for each in done for move in each.promotion.moves]


async def refused(
    fleet: Fleet, registry: Registry, *words: str, origin: int = 0, to: int = 1
) -> LockageError:
    """Why a promotion is refused, which writes nothing."""
    with pytest.raises((GateClosed, SignatureRefused)) as raised:
        await promote(fleet, origin, to)
    message = f"{raised.value.message} {raised.value.detail}"
    assert all(word in message for word in words), message
    assert await registry.tags(repository(fleet, environment=to)) == []
    return raised.value


async def sign(registry: Registry, repo: Repository, subject: Descriptor, annotations: Any) -> None:
    """Attach a true signature."""
    statement = Statement(subject.digest, SIGNATURE, {}, annotations)
    await attach(registry, repo, subject, signed(statement.to_json()), created=0)


async def test_what_a_run_published_is_promoted_from_one_environment_to_the_next(fleet: Fleet) -> None:
    tags = group(fleet)[0].tags
    assert [r.tag for r in await promote(fleet)] == list(tags)
    assert await promote(fleet) == []
    assert [r.tag for r in await promote(fleet, origin=1, to=2)] == list(tags)


async def _child(fleet: Fleet, registry: Registry, index: Manifest) -> Manifest:
    return await found(registry, repository(fleet).at(index.children[0].digest))


async def _other_image(fleet: Fleet, registry: Registry, index: Manifest) -> Manifest:
    other = await found(registry, commit_tag(fleet, "other:1.2.3"))
    await registry.copy(repository(fleet, "other"), other.digest, repository(fleet))
    return other


async def _other_tag(fleet: Fleet, registry: Registry, index: Manifest) -> Manifest:
    return await found(registry, commit_tag(fleet, "app:1.3.0"))


def _index_of(edit: Callable[[list[dict[str, Any]]], object]) -> Callable[..., Awaitable[Manifest]]:
    """An index of other entries, signed as the right one."""

    async def make(fleet: Fleet, registry: Registry, index: Manifest) -> Manifest:
        entries = json.loads(index.raw)["manifests"]
        edit(entries)
        data = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        made = Manifest.parse(compact(data))
        await registry.put_manifest(repository(fleet), made.raw, OCI_INDEX)
        claims = ImageClaims.of(fleet.context, group(fleet)).index
        await sign(registry, repository(fleet), made.descriptor, claims.annotations())
        return made

    return make


async def _nested(fleet: Fleet, registry: Registry, index: Manifest) -> Manifest:
    whole = {**index.descriptor.to_oci(), "platform": {"os": "linux", "architecture": "amd64"}}
    return await _index_of(lambda entries: entries.__setitem__(0, whole))(fleet, registry, index)


async def _unsigned(fleet: Fleet, registry: Registry, index: Manifest) -> Manifest:
    foreign = images.image("foreign")
    await images.push(registry, repository(fleet), foreign)
    return foreign.index


def _swap(entries: list[dict[str, Any]]) -> None:
    entries[0]["platform"], entries[1]["platform"] = entries[1]["platform"], entries[0]["platform"]


_ATTESTATION: dict[str, dict[str, str]] = {
    "annotations": {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": str(Digest.of(b"elsewhere")),
    },
    "platform": {"os": "unknown", "architecture": "unknown"},
}


@pytest.mark.parametrize(
    "moved_to, words",
    [
        (_child, ["it is a single manifest"]),
        (_index_of(lambda e: e.clear()), ["no image for linux/amd64", "no image for linux/arm64"]),
        (_index_of(lambda e: e.pop()), ["no image for linux/arm64"]),
        (
            _index_of(lambda e: e.append({**e[0], "platform": {"os": "linux", "architecture": "s390x"}})),
            ["is for linux/s390x, not in the plan"],
        ),
        (_index_of(lambda e: e.append(e[0])), ["a second image for linux/amd64"]),
        (
            _index_of(lambda e: e.append({k: v for k, v in e[0].items() if k != "platform"})),
            ["no known platform"],
        ),
        (_index_of(lambda e: e.append(e[0] | _ATTESTATION)), ["an attestation of something else"]),
        (_index_of(_swap), ["is signed by test for platform"]),
        (_nested, ["is not an image"]),
        (_other_image, ["image other, not app", "repository"]),
        (_other_tag, ["tag 1.3.0, not 1.2.3"]),
        (_unsigned, ["it has no signature"]),
    ],
)
async def test_what_the_tag_was_moved_to_is_not_promoted(
    fleet: Fleet, registry: Registry, moved_to: Callable[..., Awaitable[Manifest]], words: list[str]
) -> None:
    made = await moved_to(fleet, registry, await found(registry, commit_tag(fleet)))
    await registry.put_manifest(repository(fleet), made.raw, made.media_type, tag=commit_tag(fleet).tag)
    await refused(fleet, registry, *words)


async def test_what_another_environment_was_given_is_not_promoted_further(
    fleet: Fleet, registry: Registry
) -> None:
    await promote(fleet)
    other = await found(registry, commit_tag(fleet, "other:1.2.3"))
    prod = repository(fleet, environment=1)
    await registry.copy(repository(fleet, "other"), other.digest, prod, tag="1.2.3")
    await refused(fleet, registry, "image other, not app", origin=1, to=2)


async def test_buildkits_attestations_stay(fleet: Fleet, registry: Registry) -> None:
    index = await found(registry, commit_tag(fleet))
    about = {"vnd.docker.reference.digest": str(index.children[0].digest)}
    own = {**_ATTESTATION, "annotations": {**_ATTESTATION["annotations"], **about}}
    made = await _index_of(lambda e: e.append(e[1] | own))(fleet, registry, index)
    for kind in (CYCLONEDX, SPDX):
        statement = Statement(made.digest, kind, {"of": "an index"})
        await attach(registry, repository(fleet), made.descriptor, signed(statement.to_json()), created=0)
    await registry.put_manifest(repository(fleet), made.raw, made.media_type, tag=commit_tag(fleet).tag)
    assert len(await promote(fleet)) == len(group(fleet)[0].tags)


async def test_an_image_of_an_earlier_commit_is_promoted_only_if_nothing_of_it_changed(
    fleet: Fleet, registry: Registry
) -> None:
    earlier = await found(registry, commit_tag(fleet))
    context = fleet.context
    fleet.context = replace(context, revision=Revision("b" * 40))
    await fleet.run(Stage.SIGN)
    assert (await found(registry, commit_tag(fleet))).digest == earlier.digest
    changed = tuple(replace(t, key="0" * 64) for t in fleet.context.plan.targets)
    fleet.context = replace(fleet.context, plan=replace(fleet.context.plan, targets=changed))
    await refused(fleet, registry, f"commit {'a' * 40}, not {'b' * 40}")
    fleet.context = replace(context, revision=Revision("b" * 40))
    assert len(await promote(fleet)) == len(group(fleet)[0].tags)
