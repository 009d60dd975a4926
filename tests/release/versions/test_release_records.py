"""What a release leaves beside its tags: what each environment holds, the ledger's gaps, the page of its notes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pipeline.cli.commands.release.notes import _publish
from pipeline.config.values import ChannelMetadata
from pipeline.errors import RegistryError
from pipeline.forge.address import forge_address
from pipeline.registry import Registry
from pipeline.release.verification import VerificationRequest, verify_references
from pipeline.release.versions.history import read_release
from pipeline.release.versions.release import ReleaseNames
from pipeline.reporting.release_notes import read_notes, release_files
from pipeline.trust import PublicKey
from tests.forge.github_server import REPOSITORY, GithubServer
from tests.forge.server import serving
from tests.release.test_history import change
from tests.stages.fleet import PUBLIC, Fleet

from .test_releases import build, fleet, published, release

__all__ = ["fleet"]


pytestmark = [pytest.mark.real, pytest.mark.anyio]


async def test_others_can_read_what_each_environment_holds(fleet: Fleet) -> None:
    context = fleet.context
    metadata = ChannelMetadata("acme-metadata", "application/vnd.acme.metadata.v1+json")
    project = replace(context.plan.project, metadata=metadata)
    fleet.context = replace(context, plan=replace(context.plan, project=project))
    repository = project.metadata_repository(metadata, embedded=context.host)
    first = await published(fleet)
    await release(fleet, "v2.3.0")
    second = await build(fleet, "more")
    await release(fleet, "v2.4.0-rc.1")
    written = [
        r for r in fleet.requests if r.method == "PUT" and "acme-metadata/manifests/latest" in r.target
    ]
    assert len(written) == 1, "for both environments"
    async with Registry() as registry:
        manifest = await registry.get_manifest(repository.tagged("latest"))
        assert manifest and manifest.artifact_type == metadata.artifact_type
        (layer,) = manifest.layers
        assert layer.media_type == "application/json"
        found = json.loads(await registry.blob(repository, layer))
        key = PublicKey(PUBLIC, "the key")
        await verify_references(registry, key, [VerificationRequest(repository.tagged("latest"))])
    image = {
        "versions": {"v2.3.0": str(first), "v2.4.0-rc.1": str(second)},
        "aliases": {"latest": "v2.3.0", "v2": "v2.3.0", "v2.3": "v2.3.0"},
    }
    assert found["channels"] == {name: {"images": {"app": image}} for name in ("prod", "live")}
    await release(fleet, "v2.4.0-rc.1")
    assert not [request for request in fleet.requests if "acme-metadata" in request.target]


async def test_metadata_that_cannot_be_written_is_a_warning(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object, **__: object) -> None:
        raise RegistryError("the disk is full")

    metadata = ChannelMetadata("acme-metadata-refused")
    project = replace(fleet.context.plan.project, metadata=metadata)
    fleet.context = replace(fleet.context, plan=replace(fleet.context.plan, project=project))
    monkeypatch.setattr("pipeline.run.publish.channels.attach", refused)
    assert len(await release(fleet)) == 8
    warned = [event.detail for event in fleet.events if "the disk is full" in event.detail]
    assert warned and "the next promotion writes it" in warned[0]
    repository = project.metadata_repository(metadata, embedded=fleet.context.host)
    async with Registry() as registry:
        assert await registry.head(repository.tagged("latest")) is None, "unsigned, it has no tag"


async def test_a_gap_in_the_ledger_is_reported_with_the_release(fleet: Fleet) -> None:
    await release(fleet)
    await build(fleet, "second")
    await release(fleet, "v2.4.0")
    environments = fleet.context.plan.project.releases
    names = ReleaseNames.of(fleet.context.plan, "v2.4.0")
    whole = await read_release(fleet.context, names, environments)
    assert whole.before and whole.before.version == "v2.3.0" and not whole.problems

    def cut_off(data: dict[str, Any]) -> None:
        del data["layers"][1:]

    await change(fleet, cut_off)
    found = await read_release(fleet.context, names, environments)
    assert found.release == whole.release and found.before is None
    (problem,) = found.problems
    assert problem.startswith("the ledger of prod: a gap: entry ")
    with pytest.raises(RegistryError, match="was not released to") as unknown:
        await read_release(fleet.context, ReleaseNames.of(fleet.context.plan, "v2.2.0"), environments)
    assert problem in (unknown.value.detail or "")


async def test_the_notes_of_a_release_are_its_page(fleet: Fleet) -> None:
    await release(fleet)
    context = fleet.context
    names, to = ReleaseNames.of(context.plan, "v2.3.0"), context.plan.project.releases
    written = await read_notes(context, await read_release(context, names, to))
    files = await release_files(context, written)
    assert {"RELEASE.md", "install.sh", "release.json", "cosign.pub"} <= set(files)
    async with serving(GithubServer(tags={"v2.3.0": context.revision.sha})) as github:
        job = {"GITHUB_ACTIONS": "true", "GITHUB_API_URL": github.url, "GITHUB_REPOSITORY": REPOSITORY}
        address = forge_address({**job, "GITHUB_TOKEN": github.token}, "")
        done = await _publish(address, written, files, force=False)
        assert done.changed and github.files("v2.3.0") == files
        page = github.of("v2.3.0")
        assert page and page["body"].startswith(files["RELEASE.md"].decode().rstrip()) and not page["draft"]
        again = await release_files(
            context, await read_notes(context, await read_release(context, names, to))
        )
        assert not (await _publish(address, written, again, force=False)).changed, "notes are the same again"
