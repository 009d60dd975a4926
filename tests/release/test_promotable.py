"""Only what a run publishes of an image tag is promoted, on real registries, whatever its tag was moved to."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import GateClosed, LockageError, RegistryError, UsageError
from pipeline.model import Descriptor, Digest, Manifest, Reference, Repository
from pipeline.model.descriptor import OCI_INDEX
from pipeline.plan import Target
from pipeline.policy import Revision
from pipeline.registry import Registry
from pipeline.release.environments import of_revision, verify_revision
from pipeline.release.promote import Promotions
from pipeline.release.verification import VerificationRequest, verify_references
from pipeline.run import Stage
from pipeline.run.publish.image_claims import ImageClaims
from pipeline.trust import (
    CYCLONEDX,
    SIGNATURE,
    SPDX,
    VULNERABILITIES,
    SignatureRefused,
    Statement,
    attach,
    examine,
)
from pipeline.util.json.canonical import compact
from pipeline.util.progress import ProgressState
from tests.registry import images
from tests.stages.fleet import Fleet, make_fleet, plan, recorded
from tests.stages.scanners.test_scanner_data import publish
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
    said = f"{raised.value.message} {raised.value.detail}"
    assert all(word in said for word in words), said
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


def _findings(result: object, *, date: object = "2026-11-27", data: object = "") -> dict[str, Any]:
    scanner = {"version": "1", "db": {"uri": f"oci:{data}", "version": date}, "result": result}
    return {"scanner": scanner, "metadata": {"scanFinishedOn": "2026-11-27"}}


async def planned(fleet: Fleet, *, signed: bool | None = None) -> tuple[list[str | None], int]:
    """What a promotion of one image tag would scan, platform by platform, and how many requests its data takes."""
    context, environments = fleet.context, fleet.context.plan.project.environments
    async with Registry() as registry:
        requests = recorded(registry)
        one = replace(context, plan=replace(context.plan, targets=group(fleet)), registry=registry)
        [promotion] = await Promotions(one, environments[0], [environments[1]], signed=signed).plan()
        assert promotion.promotion.moves
        path = context.plan.project.vulnerability_db.repository.path
        return [scan.source for _, scan in promotion.platforms], sum(path in r.target for r in requests)


def with_data(fleet: Fleet, tag: str) -> None:
    """Name other data in lockage.yml."""
    project = fleet.context.plan.project
    project = replace(project, vulnerability_db=replace(project.vulnerability_db, tag=tag))
    fleet.context = replace(fleet.context, plan=replace(fleet.context.plan, project=project))


async def test_only_newer_data_makes_a_promotion_scan(fleet: Fleet, registry: Registry) -> None:
    """The fleet's findings are of 26 November; its images name no package, so what it lists is never read."""
    database = fleet.context.plan.project.vulnerability_db.repository
    assert await planned(fleet) == ([None, None], 1), "one HEAD for all platforms"
    await publish(registry, database, "older", "2026-11-25T00:00:00Z")
    await publish(registry, database, "newer", "2026-11-27T00:00:00Z")
    with_data(fleet, "older")
    sources, _ = await planned(fleet)
    assert sources == [None, None]
    with_data(fleet, "newer")
    sources, _ = await planned(fleet)
    assert sources == ["sbom", "sbom"]
    assert await planned(fleet, signed=True) == ([None, None], 0)
    environments = tuple(replace(e, data="signed") for e in fleet.context.plan.project.environments)
    project = replace(fleet.context.plan.project, environments=environments)
    fleet.context = replace(fleet.context, plan=replace(fleet.context.plan, project=project))
    assert await planned(fleet) == ([None, None], 0)
    assert await planned(fleet, signed=False) == (["sbom", "sbom"], 1)


async def test_who_cannot_sign_scans_nothing(fleet: Fleet, registry: Registry) -> None:
    database = fleet.context.plan.project.vulnerability_db.repository
    await publish(registry, database, "newer", "2026-11-27T00:00:00Z")
    with_data(fleet, "newer")
    fleet.context = replace(fleet.context, signing=replace(fleet.context.signing, private=None))
    with pytest.raises(UsageError, match="no private key"):
        await promote(fleet)
    assert await registry.tags(repository(fleet, environment=1)) == []


async def test_newer_signed_findings_close_the_gate(fleet: Fleet, registry: Registry) -> None:
    index = await found(registry, commit_tag(fleet))
    critical = {"VulnerabilityID": "CVE-1", "PkgName": "p", "FixedVersion": "2", "Severity": "CRITICAL"}
    report = {"SchemaVersion": 2, "Results": [{"Vulnerabilities": [critical]}]}
    child = index.children[1]
    data = (await found(registry, fleet.context.plan.project.vulnerability_db)).digest
    statement = Statement(child.digest, VULNERABILITIES, _findings(report, data=data))
    await attach(registry, repository(fleet), child, signed(statement.to_json()), created=0)
    closed = await refused(fleet, registry, "its gate closes by today's policy")
    assert closed.detail and "CVE-1 CRITICAL" in closed.detail


@pytest.mark.parametrize(
    "predicate",
    [
        _findings({"SchemaVersion": 3}),
        _findings({"SchemaVersion": 2, "Results": 7}),
        _findings({"SchemaVersion": 2, "Results": [{"Vulnerabilities": [{"VulnerabilityID": []}]}]}),
        _findings({"SchemaVersion": 10**300}),
        _findings([], date="2026-13-99T99:99:99Z"),
        _findings(None, date=["9"]),
    ],
)
async def test_newer_signed_findings_that_cannot_be_read_are_one_error(
    fleet: Fleet, registry: Registry, predicate: dict[str, Any]
) -> None:
    child = (await found(registry, commit_tag(fleet))).children[0]
    statement = Statement(child.digest, VULNERABILITIES, predicate)
    await attach(registry, repository(fleet), child, signed(statement.to_json()), created=0)
    with pytest.raises(RegistryError, match=r"the signed findings of .* cannot be read"):
        await promote(fleet)


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


async def test_a_signature_that_names_nothing_is_replaced_by_the_next_run_and_never_promoted(
    fleet: Fleet, registry: Registry
) -> None:
    repo, index = repository(fleet), await found(registry, commit_tag(fleet))
    for subject in (index.descriptor, *index.children):
        for referrer in await registry.referrers(repo, subject.digest):
            manifest = await found(registry, repo.at(referrer.digest))
            if manifest.annotations["dev.sigstore.bundle.predicateType"] == SIGNATURE:
                await registry.delete_referrer(repo, referrer.digest, subject.digest)
        await sign(registry, repo, Descriptor(subject.media_type, subject.digest, subject.size), {})
    await refused(fleet, registry, "neither image nor tag, platform or commit")
    verified = await verify_references(
        registry, fleet.context.signing.public_key, [VerificationRequest(commit_tag(fleet))]
    )
    assert verified[0].verification.signed and verified[0].verification.claims == ()

    await fleet.run(Stage.SIGN)
    said = [e.subject for e in fleet.events if e.state is ProgressState.SIGN and "signed again" in e.detail]
    assert said == ["app:1.2.3"]
    await fleet.run(Stage.SIGN)
    assert len([e for e in fleet.events if "signed again" in e.detail]) == 1
    assert len(await promote(fleet)) == len(group(fleet)[0].tags)


async def test_a_run_state_is_not_believed(fleet: Fleet, registry: Registry) -> None:
    """It names a signature that is gone: the run signs again, and says so by what it does."""
    repo, index = repository(fleet), await found(registry, commit_tag(fleet))
    key = fleet.context.signing.public_key
    for referrer in await registry.referrers(repo, index.digest):
        await registry.delete_referrer(repo, referrer.digest, index.digest)
    assert not (await examine(registry, repo, index.digest, key)).signed
    result = await fleet.run(Stage.SIGN)
    assert all(image.signed for image in result.images)
    assert (await examine(registry, repo, index.digest, key)).signed


async def test_verify_says_which_claim_does_not_hold(fleet: Fleet, registry: Registry) -> None:
    key = fleet.context.signing.public_key
    await verify_references(registry, key, of_revision(fleet.context))
    await promote(fleet)
    prod = repository(fleet, environment=1)
    for tag in group(fleet)[0].tags:
        await verify_references(registry, key, [VerificationRequest(prod.tagged(tag))])

    other = await found(registry, commit_tag(fleet, "other:1.2.3"))
    await registry.copy(repository(fleet, "other"), other.digest, prod, tag="1.2.3")
    with pytest.raises(SignatureRefused, match=r"for image other, not .*/prod/app$"):
        await verify_references(registry, key, [VerificationRequest(prod.tagged("1.2.3"))])
    newer = await found(registry, commit_tag(fleet, "app:1.3.0"))
    await registry.copy(repository(fleet), newer.digest, prod, tag="1.2.3")
    with pytest.raises(SignatureRefused, match=r"for tags 1\.3\.0.*, not 1\.2\.3"):
        await verify_references(registry, key, [VerificationRequest(prod.tagged("1.2.3"))])
    await registry.put_manifest(repository(fleet), newer.raw, OCI_INDEX, tag=commit_tag(fleet).tag)
    with pytest.raises(SignatureRefused, match=r"tag 1\.3\.0, not 1\.2\.3"):
        await verify_references(registry, key, of_revision(fleet.context))


async def test_evidence_that_is_gone_is_named_and_signing_attaches_it_again(
    registry: Registry, fleet: Fleet
) -> None:
    signatory, place = fleet.context.signatory, repository(fleet)
    verified = await verify_revision(fleet.context, signatory)
    assert len(verified) == 3
    child = (await found(registry, commit_tag(fleet))).children[0]
    seen = await examine(registry, place, child.digest, signatory)
    for about, referrer in zip(seen.statements, seen.sources, strict=True):
        if about.predicate_type in (CYCLONEDX, VULNERABILITIES):
            await registry.delete(place.at(referrer))
    with pytest.raises(SignatureRefused, match="2 attestations that a run made are gone") as refused:
        await verify_revision(fleet.context, signatory)
    for kind in (CYCLONEDX, VULNERABILITIES):
        assert f"{child.platform}: {kind}" in (refused.value.detail or "")
    mended = await fleet.run(Stage.SIGN)
    assert not mended.faults and mended.changed
    assert {f"{image.image}:{image.tag}": image.added for image in mended.images if image.added} == {
        "app:1.2.3": 2
    }
    assert not (await fleet.run(Stage.SIGN)).changed
    assert await verify_revision(fleet.context, signatory) == verified
