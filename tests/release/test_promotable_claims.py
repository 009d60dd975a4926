"""What a published image claims: a signature that names nothing, a claim that does not hold, evidence that is gone."""

from __future__ import annotations

import pytest

from pipeline.model import Descriptor
from pipeline.model.descriptor import OCI_INDEX
from pipeline.registry import Registry
from pipeline.release.environments import of_revision, verify_revision
from pipeline.release.verification import VerificationRequest, verify_references
from pipeline.run import Stage
from pipeline.trust import (
    CYCLONEDX,
    SIGNATURE,
    VULNERABILITIES,
    SignatureRefused,
    examine,
)
from pipeline.util.progress import ProgressState
from tests.stages.fleet import Fleet

from .test_promotable import commit_tag, fleet, found, group, promote, refused, repository, sign

__all__ = ["fleet"]


pytestmark = [pytest.mark.real, pytest.mark.anyio]


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
    signed_again = [
        e.subject for e in fleet.events if e.state is ProgressState.SIGN and "signed again" in e.detail
    ]
    assert signed_again == ["app:1.2.3"]
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
