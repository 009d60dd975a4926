"""A rotation on a real registry: all that environments hold is signed again, each statement once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pipeline.errors import UsageError
from pipeline.model import Digest, Repository
from pipeline.model.verification import VerificationRules
from pipeline.model.verification.identity import Identity, Pattern
from pipeline.registry import Registry
from pipeline.release.promote import Promotions
from pipeline.release.rotation.images import held_by_environments, held_by_references
from pipeline.release.rotation.re_sign import Rotated, re_sign_all
from pipeline.run import Stage
from pipeline.run.gates.rules import RulesInForce
from pipeline.trust import SIGNATURE, PublicKey, SignatureRefused, Statement, attach, examine
from pipeline.trust.keyless import IdentitySignatory, KeylessSigner, read_services
from pipeline.trust.keyless.services import TrustFile
from tests.registry import images
from tests.stages.fleet import Fleet, make_fleet, plan, provide, recorded
from tests.tools.signing.bundles import KEY, OTHER_KEY, pair, public, signed
from tests.tools.signing.sigstore_services import sigstore

from .cuts import Cut, cut_at_write

pytestmark = [pytest.mark.real, pytest.mark.anyio]

OLD, NEW = PublicKey(public(KEY), "old.pub"), PublicKey(public(OTHER_KEY), "new.pub")
THIRD_KEY = ec.derive_private_key(11, ec.SECP256R1())
THIRD = PublicKey(public(THIRD_KEY), "third.pub")


@pytest.fixture
async def fleet(olareg: str, registry: Registry, tmp_path: Path) -> Fleet:
    """An image of two platforms in two environments, signed by the old key; the new one signs from now on."""
    made = await make_fleet(registry, plan(olareg), tmp_path)
    await provide(made)
    result = await made.run(Stage.PROMOTE)
    assert not result.faults
    made.context = replace(made.context, signing=pair(OTHER_KEY), trusted=(OLD,))
    return made


async def rotate(fleet: Fleet, *, cut: int = 0) -> list[Rotated]:
    """`sign --re-sign --key old.pub`, as another process; `cut` is the write at which it ends."""
    environments = fleet.context.plan.project.environments
    async with Registry() as registry:
        fleet.requests = recorded(registry)
        if cut:
            cut_at_write(registry, cut)
        context = replace(fleet.context, registry=registry)
        return await re_sign_all(context, await held_by_environments(context, environments, OLD))


async def subjects(fleet: Fleet, registry: Registry) -> list[tuple[Repository, Digest]]:
    """The index and its platforms, in both environments."""
    found = []
    for environment in fleet.context.plan.project.environments[:2]:
        repository = fleet.context.repository(environment, "app")
        tags = await registry.tags(repository)
        index = await registry.get_manifest(repository.tagged(tags[0]))
        assert index
        found += [(repository, digest) for digest in (index.digest, *(c.digest for c in index.children))]
    return found


def payloads(statements: Sequence[Statement]) -> Counter[bytes]:
    return Counter(statement.to_json() for statement in statements)


def writes(fleet: Fleet) -> int:
    return sum(not request.reads for request in fleet.requests)


async def test_everything_is_signed_again_each_statement_once(fleet: Fleet, registry: Registry) -> None:
    first, prod, live = fleet.context.plan.project.environments
    with pytest.raises(SignatureRefused, match="not signed"):
        await Promotions(fleet.context, first, [live]).perform()
    (done,) = await rotate(fleet)
    assert not done.result.problem and [len(place.tags) for place in done.held.places] == [1, 3]
    signed_now = done.result.signed
    assert done.result.attached == (signed_now,) * 2, "signed once, attached in both environments"
    requests = Counter((r.method, r.target.split("/")[-2]) for r in fleet.requests)
    assert (
        requests["PUT", "manifests"]
        == requests["PUT", "uploads"]
        == requests["GET", "blobs"]
        == 2 * signed_now
    )
    assert requests["GET", "referrers"] == 6 and requests["HEAD", "manifests"] == 4
    for repository, digest in await subjects(fleet, registry):
        old = await examine(registry, repository, digest, OLD)
        new = await examine(registry, repository, digest, NEW)
        assert payloads(new.statements) == payloads(old.statements) and new.claims

    again = await rotate(fleet)
    assert again[0].result.signed == 0 and again[0].result.attached == (0, 0)
    assert writes(fleet) == 0 and not fleet.repeated("GET", "HEAD")
    there, elsewhere = await Promotions(fleet.context, first, [prod, live]).perform()
    assert len(there.promotion.in_place) == 3 and not there.promotion.moves
    assert len(elsewhere.promotion.moves) == 3


async def test_a_rotation_that_ends_anywhere_is_completed_by_the_next(
    fleet: Fleet, registry: Registry
) -> None:
    cuts = 0
    while True:
        try:
            await rotate(fleet, cut=7 + 4 * cuts)
        except (Cut, BaseExceptionGroup):
            cuts += 1
        else:
            break
        for repository, digest in await subjects(fleet, registry):
            new = await examine(registry, repository, digest, NEW)
            old = await examine(registry, repository, digest, OLD)
            assert max(payloads(new.statements).values(), default=1) == 1
            if new.signed:
                assert payloads(new.statements) == payloads(old.statements)
        assert cuts < 20
    assert cuts >= 5
    for repository, digest in await subjects(fleet, registry):
        new = await examine(registry, repository, digest, NEW)
        assert set(payloads(new.statements).values()) == {1}, "nothing was attached twice"


async def test_what_nobody_accepted_has_signed_is_not_signed_again(fleet: Fleet, registry: Registry) -> None:
    """A platform in the place of another below a signed index, an image by a stranger, and one that nobody signed."""
    dev = fleet.context.first_repository("app")
    for name, signer in {"stranger": "stranger", "bare": ""}.items():
        image = images.image(name)
        await images.push(registry, dev, image)
        await registry.put_manifest(dev, image.index.raw, image.index.media_type, tag=name)
        if signer:
            third = signed(Statement(image.index.digest, SIGNATURE, {}).to_json(), THIRD_KEY)
            await attach(registry, dev, image.index.descriptor, third, created=0)
    half = images.image("half")
    await images.push(registry, dev, half)
    await registry.put_manifest(dev, half.index.raw, half.index.media_type, tag="half")
    by_old = signed(Statement(half.index.digest, SIGNATURE, {}).to_json())
    await attach(registry, dev, half.index.descriptor, by_old, created=0)

    results = {place.tags[0]: one for one in await rotate(fleet) for place in one.held.places[:1]}
    outcomes = {tag: (one.failed, one.result.unsigned, one.result.problem) for tag, one in results.items()}
    assert outcomes.pop("stranger")[:2] == (True, False)
    assert outcomes.pop("bare")[:2] == (False, True)
    failed, unsigned, problem = outcomes.pop("half")
    assert failed and not unsigned and str(half.children[-1].digest) in problem
    assert [problem for _, _, problem in outcomes.values()] == [""]
    for name in ("stranger", "bare", "half"):
        seen = await examine(registry, dev, results[name].held.digest, NEW)
        assert not seen.statements

    context = replace(fleet.context, registry=registry)
    (named,) = await re_sign_all(context, await held_by_references(context, [dev.tagged("bare")], OLD))
    assert named.failed
    with pytest.raises(UsageError, match="of references, nobody is known"):
        await held_by_references(context, [dev.tagged("bare")], None)
    with pytest.raises(UsageError, match="nobody is known who signed for dev before"):
        await held_by_environments(context, context.plan.project.environments, None)


async def test_rules_of_an_environment_say_who_signed_before(fleet: Fleet) -> None:
    """Whoever they accept beside today's signer, unless an option names somebody."""
    context, every = fleet.context, fleet.context.plan.project.environments[:2]
    rules = {one.name: RulesInForce(VerificationRules(), (NEW, OLD), "lockage.yml") for one in every}
    (held,) = await held_by_environments(replace(context, rules=rules), every, None)
    assert [place.earlier for place in held.places] == [(OLD,)] * 2
    (held,) = await held_by_environments(replace(context, rules=rules), every, THIRD)
    assert [place.earlier for place in held.places] == [(THIRD,)] * 2
    alone = {**rules, "prod": RulesInForce(VerificationRules(), (NEW,), "lockage.yml")}
    with pytest.raises(UsageError, match="nobody is known who signed for prod before"):
        await held_by_environments(replace(context, rules=alone), every, None)


async def test_from_a_key_to_an_identity(fleet: Fleet, registry: Registry, tmp_path: Path) -> None:
    """With one certificate, and one entry of the log for each statement."""
    (tmp_path / "sigstore").mkdir()
    with sigstore(tmp_path / "sigstore") as services:
        root = read_services(TrustFile(services.trusted_root.read_bytes(), "root"))
        config = TrustFile(services.signing_config.read_bytes(), "config")
        signing = read_services(TrustFile(services.trusted_root.read_bytes(), "root"), config, signs=True)
        identity = IdentitySignatory(Identity(Pattern("ci@example.com"), Pattern(services.people)), root)

        async def token() -> str:
            return services.token("ci@example.com")

        signer = KeylessSigner(identity, signing, token)
        fleet.context = replace(fleet.context, signing=pair(), trusted=(), image_signer=signer)
        (done,) = await rotate(fleet)
        assert not done.result.problem and done.result.signed > 10
        certificates = (services.folder / "fulcio.log").read_text().count("finished unary call with code OK")
        assert certificates == 1
        for repository, digest in await subjects(fleet, registry):
            old = await examine(registry, repository, digest, OLD)
            new = await examine(registry, repository, digest, identity)
            assert payloads(new.statements) == payloads(old.statements) and new.claims
        assert (await rotate(fleet))[0].result.signed == 0 and writes(fleet) == 0
