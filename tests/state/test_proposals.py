"""Runs of changes that nobody has reviewed: what they read, where they write, and that no release believes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import BuildError, RegistryError
from pipeline.model import Digest, Repository
from pipeline.model.descriptor import OCI_MANIFEST
from pipeline.plan.plan import Target
from pipeline.registry import Access, Registry
from pipeline.registry.http.settings import ClientSettings
from pipeline.run import RunContext, Stage, Status, run
from pipeline.run.image_cache import ImageCache
from pipeline.run.publish.fan_in import manifest as merge
from pipeline.run.target.build import Builder
from pipeline.state import records as record_store
from pipeline.state.proposal import ProposalNames, aside
from pipeline.state.record import Record
from pipeline.state.records import Records
from pipeline.state.signers import Signers
from pipeline.state.store import Store
from pipeline.state.upstream import Upstream
from tests.registry import images
from tests.stages.fleet import Fleet, make_fleet, plan, recorded
from tests.tools.signing.bundles import OTHER_KEY, pair

pytestmark = [pytest.mark.real, pytest.mark.anyio]


@pytest.fixture
async def fleet(olareg: str, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Two platforms of one image tag, built and examined; a build makes an image of its own, unexamined."""

    async def build(self: Builder, target: Target, bases: Mapping[str, Digest], **_: object) -> Record:
        raise BuildError(f"{target.id} is built again")

    monkeypatch.setattr(Builder, "build", build)
    return await make_fleet(registry, plan(olareg), tmp_path)


def proposed(context: RunContext, *, pushes: bool) -> RunContext:
    """The same run for a pull request: with the site's key where it pushes, else with one of its own."""
    signers = Signers(context.plan.project.project, None, others=[context.signing.public_key])
    upstream = Upstream(Store(context.registry, context.builds, signers), near=pushes)
    signing = context.signing if pushes else pair(OTHER_KEY)
    return replace(
        context,
        signing=signing,
        proposal=ProposalNames(aside(context.builds, "-pr"), upstream, pushes, "-pr"),
    )


async def test_without_pushes_what_is_known_is_read_and_judged(fleet: Fleet, registry: Registry) -> None:
    context = fleet.context
    async with Registry() as client:
        requests = recorded(client)
        result = await run(proposed(replace(context, registry=client), pushes=False), Stage.PUSH)
    assert [target.status for target in result.targets] == [Status.REUSED, Status.REUSED]
    assert all(target.verdicts for target in result.targets) and result.images == ()
    written = {request.target.split("/")[3] for request in requests if not request.reads}
    assert written <= {"builds-pr"}  # the run state
    first = context.repository(context.plan.project.environments[0], "app")
    assert await registry.tags(first) == await registry.tags(aside(first, "-pr")) == []
    images_there = [
        t
        for t in context.plan.targets
        if await registry.head(aside(context.builds, "-pr").tagged(t.key or ""))
    ]
    assert images_there == []  # read where they are, not copied
    again = await run(proposed(context, pushes=False), Stage.PUSH)
    assert [target.status for target in again.targets] == [Status.REUSED, Status.REUSED]


async def test_what_is_examined_again_is_kept_beside(fleet: Fleet, registry: Registry) -> None:
    """The record of a pull request goes to its own repository, with image and documents, and the project's stays."""
    context, target = proposed(fleet.context, pushes=False), fleet.context.plan.targets[0]
    records = Records(context.store(), context.plan.targets, upstream=context.upstream)
    known = await records.find(target.key or "")
    assert known and context.home(known.digest) == fleet.context.builds
    written = await records.write(known, {"syft-json": b"{}"})
    assert context.home(known.digest) == aside(fleet.context.builds, "-pr")
    for document in written.documents.values():
        assert await registry.blob(aside(fleet.context.builds, "-pr"), document)
    later = await Records(context.store(), context.plan.targets, upstream=context.upstream).find(
        target.key or ""
    )
    assert later == written
    project = Records(fleet.context.store(), context.plan.targets)
    assert await project.find(target.key or "") == known


async def test_an_upstream_that_cannot_be_read_knows_nothing(fleet: Fleet) -> None:
    """A fork without access builds everything, and reports why once."""
    async with Registry(settings=ClientSettings(attempts=1, connect_attempts=1)) as client:
        context = proposed(replace(fleet.context, registry=client), pushes=False)
        assert context.proposal
        signers, nowhere = context.proposal.upstream.store.signers, Repository("localhost:1", "builds")
        upstream = Upstream(Store(client, nowhere, signers))
        context = replace(context, proposal=replace(context.proposal, upstream=upstream))
        result = await run(context, Stage.PUSH)
    assert [str(target.reason) for target in result.targets] == [
        f"{t.id} is built again" for t in context.plan.targets
    ]
    assert len(upstream.faults) >= 1
    warned = [
        event.detail for event in fleet.events if "cannot be read, so nothing is reused" in event.detail
    ]
    assert len(warned) == 1


async def test_with_pushes_images_go_to_repositories_of_their_own(fleet: Fleet, registry: Registry) -> None:
    context = fleet.context
    result = await run(proposed(context, pushes=True), Stage.PUSH)
    first = context.repository(context.plan.project.environments[0], "app")
    (image,) = result.images
    assert image.pushed and image.pushed.repository == aside(first, "-pr") and not image.signed
    assert await registry.tags(first) == []
    assert await registry.tags(aside(first, "-pr")) == [f"ci-{'a' * 40}-1.2.3"]
    (merged,) = await merge(proposed(context, pushes=True))
    assert merged.reference.repository == aside(first, "-pr")
    assert (merged.reference.digest, merged.moves) == (image.pushed.digest, ())


async def test_no_release_believes_what_a_pull_request_recorded(fleet: Fleet, registry: Registry) -> None:
    """A pull request that has the site's key records somebody's image; copied to where the project's record is, under
    the project's own tag, it is signed for another project."""
    context, target = fleet.context, fleet.context.plan.targets[0]
    beside = proposed(context, pushes=True)
    image = images.image("evil", platforms=(str(target.platform),), layers=1)
    for repository in (beside.builds, context.builds):
        for descriptor, content in image.blobs.items():
            await registry.put_blob(repository, content, descriptor)
        await registry.put_manifest(repository, image.children[0].raw, OCI_MANIFEST)
    known = await Records(context.store(), context.plan.targets).find(target.key or "")
    assert known
    evil = replace(known, digest=image.children[0].digest, documents={})
    await Records(beside.store(), context.plan.targets).write(evil, {})
    believed = await Records(beside.store(), context.plan.targets).find(target.key or "")
    assert believed == evil  # the attack is one: the pull request's own runs believe it
    tags = [
        record_store.tag_in(made.store().signers.space(context.signing.public_key), target.key or "")
        for made in (beside, context)
    ]
    assert tags[0] != tags[1]
    await registry.copy(
        beside.builds, await _digest(registry, beside.builds, tags[0]), context.builds, tag=tags[1]
    )
    store = context.store()
    assert await Records(store, context.plan.targets).find(target.key or "") is None
    assert "signed for the project" in "".join(store.warnings)


async def test_a_fork_is_granted_nothing(registry: Registry, olareg: str, tmp_path: Path) -> None:
    """A RUN with the privileges of BuildKit's service could read what other runs left there."""
    context = replace((await make_fleet(registry, plan(olareg), tmp_path)).context, entitled=False)
    target = replace(context.plan.targets[0], entitlements=("security.insecure",))
    with pytest.raises(
        BuildError, match=r"is granted security\.insecure, which no pull request from a fork gets"
    ):
        await Builder(context, ImageCache(registry)).build(target, {})


async def _digest(registry: Registry, repository: Repository, tag: str) -> Digest:
    found = await registry.head(repository.tagged(tag))
    assert found
    return found.digest


async def test_a_client_that_may_not_write_does_not(olareg: str, fleet: Fleet) -> None:
    """Whatever a planted lockage.yml makes of the repositories: the client itself refuses, before credentials are
    requested."""
    builds, target = fleet.context.builds, fleet.context.plan.targets[0]
    async with Registry(Access(writable=frozenset({"localhost:1"}))) as client:
        manifest = await client.get_manifest(builds.tagged(target.key or ""))
        assert manifest
        requests = recorded(client)
        for write in (
            lambda: client.put_blob(builds, b"x"),
            lambda: client.put_manifest(builds, manifest.raw, manifest.media_type, tag="x"),
            lambda: client.delete(builds.tagged("x")),
        ):
            with pytest.raises(RegistryError, match=f"this run only reads {olareg}"):
                await write()
        assert not {"POST", "PUT", "PATCH", "DELETE"} & client.stats.requests.keys()
        assert requests
