"""What policy-controller admits on a real API server, by the policies that Lockage writes, of images that runs signed:
by key in the tag scheme, by identity in the bundle format."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import pytest

from pipeline.model import Digest, Repository
from pipeline.model.verification import AcceptedSigner, Admission, AdmissionRules, VerificationRules
from pipeline.model.verification.identity import Identity, Pattern
from pipeline.policy.admission.policy_controller import cluster_image_policies
from pipeline.registry import Registry
from pipeline.run import Stage
from pipeline.run.signing.tag_scheme import TagSigner
from pipeline.trust import SUMMARY, PrivateKey, PublicKey, Statement, attach
from pipeline.trust.keyless import IdentitySignatory, KeylessSigner, read_services
from pipeline.trust.keyless.services import TrustFile
from tests.registry import images
from tests.registry.conftest import anyio_backend, olareg, registry
from tests.stages.fleet import Fleet, make_fleet, plan, provide
from tests.tools.signing.bundles import OTHER_KEY, pair, public
from tests.tools.signing.rekor_v1 import rekor_v1
from tests.tools.signing.sigstore_services import Sigstore, sigstore
from tests.tools.signing.tuf_repository import tuf_repository

from .cluster import Cluster, cluster

__all__ = ["anyio_backend", "olareg", "registry"]
pytestmark = [pytest.mark.real, pytest.mark.anyio]

CI, EVE = "ci@example.com", "eve@example.com"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The API server with policy-controller."""
    began = time.monotonic()
    with cluster(tmp_path_factory.mktemp("cluster")) as running:
        print(f"API server and policy-controller: {time.monotonic() - began:.1f} s")
        yield running


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sigstore]:
    """A running Sigstore."""
    with sigstore(tmp_path_factory.mktemp("sigstore")) as running:
        yield running


@pytest.fixture(scope="module")
def of_v1(services: Sigstore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sigstore]:
    """The same with a log of Rekor v1."""
    with rekor_v1(services, tmp_path_factory.mktemp("rekor"), timestamps=True) as running:
        yield running


@contextmanager
def trust_root(api: Cluster, folder: Path, root: Mapping[str, Any]) -> Iterator[str]:
    """Have the cluster fetch a trusted root by TUF; gives the conditions of its resource."""
    folder.mkdir()
    (folder / "tuf").mkdir()
    (folder / "root.json").write_text(json.dumps(root))
    with tuf_repository(folder / "tuf", folder / "root.json") as mirror:
        api.apply(
            {
                "apiVersion": "policy.sigstore.dev/v1alpha1",
                "kind": "TrustRoot",
                "metadata": {"name": "lab"},
                "spec": {"remote": {"root": mirror.root_data, "mirror": mirror.mirror}},
            }
        )
        time.sleep(3)
        yield api.kubectl("get", "trustroot", "lab", "-o", "jsonpath={.status.conditions}")
        api.kubectl("delete", "trustroot", "lab")


def policy(images: str, signer: AcceptedSigner, keys: dict[str, str], *required: Any) -> dict[str, Any]:
    """The policy that `lockage policy admission policy-controller` writes."""
    rules = Admission((AdmissionRules((images,), VerificationRules((signer,), required)),))
    (written,) = cluster_image_policies(rules, keys, date(2026, 1, 1), images.split("/")[1]).documents
    return dict(written.document)


def ask(api: Cluster, image: str) -> str:
    """As `refusal`, with the time it took."""
    began = time.monotonic()
    refusal = api.refusal(image)
    print(f"{time.monotonic() - began:.2f} s  {image[-90:]}: {refusal.strip() or 'admitted'}")
    return refusal


async def published(fleet: Fleet) -> tuple[Repository, Digest]:
    """The index that a run signs."""
    (image,) = (await fleet.run(Stage.SIGN)).images
    assert image.signed and image.index and image.pushed, image
    return image.pushed.repository, image.index


async def bare(registry: Registry, repository: Repository) -> str:
    """An image that nobody signed."""
    image = images.image("bare")
    await images.push(registry, repository, image)
    return str(repository.at(image.index.digest))


async def test_by_key_in_the_tag_scheme(
    api: Cluster, registry: Registry, olareg: str, tmp_path: Path
) -> None:
    fleet = await make_fleet(registry, plan(olareg), tmp_path)
    await provide(fleet)
    repository, index = await published(fleet)
    good = str(repository.at(index))
    signer = AcceptedSigner(key="release.pub")
    api.apply(policy(f"{repository.host}/{repository.path}", signer, {"release.pub": public().decode()}))
    await anyio.sleep(3)
    assert "no matching signatures" in (refusal := ask(api, good)) or "no signatures found" in refusal
    own = TagSigner(PrivateKey(pair()), PublicKey(public(), "release.pub"), (repository,))
    await own.ensure(registry, repository, [index])
    assert ask(api, good) == ""
    (tag,) = [t for t in await registry.tags(repository) if t.startswith("ci-")][:1]
    assert ask(api, f"{repository}:{tag}") == "", "a tag is resolved, and its digest written in"
    assert "no signatures found" in ask(api, await bare(registry, repository))
    stranger = images.image("stranger")
    await images.push(registry, repository, stranger)
    other = TagSigner(PrivateKey(pair(OTHER_KEY)), PublicKey(public(OTHER_KEY), "x"), (repository,))
    await other.ensure(registry, repository, [stranger.index.digest])
    assert "no matching signatures" in ask(api, str(repository.at(stranger.index.digest)))


def test_a_root_with_a_log_of_rekor_v2_is_not_taken(api: Cluster, services: Sigstore, tmp_path: Path) -> None:
    """Its key is of Ed25519 (0.13)."""
    whole = json.loads(services.trusted_root.read_text())
    with trust_root(api, tmp_path / "whole", whole) as conditions:
        assert '"status":"True","type":"Ready"' not in conditions, conditions


async def test_by_identity_in_the_bundle_format(
    api: Cluster, services: Sigstore, of_v1: Sigstore, registry: Registry, olareg: str, tmp_path: Path
) -> None:
    """By certificate and timestamp. It finds no log by the ids that it makes of a TrustRoot's, and reads no bundle
    with an entry of Rekor v2 (0.13)."""
    found = {}
    signers = {CI: signs_as(of_v1, CI), EVE: signs_as(of_v1, EVE), "v2": signs_as(services, CI)}
    for name, signer_now in signers.items():
        fleet = await make_fleet(registry, plan(olareg), tmp_path / name)
        await provide(fleet)
        fleet.context = replace(fleet.context, image_signer=signer_now)
        found[name] = await published(fleet)
        identity = Identity(Pattern(CI), Pattern(services.people))
        signer = AcceptedSigner(None, identity)
        document = policy(str(found[name][0]), signer, {}, "sbom", "provenance", "verdict")
        for authority in document["spec"]["authorities"]:
            authority["keyless"] |= {"trustRootRef": "lab", "insecureIgnoreSCT": True}
            authority["rfc3161timestamp"] = {"trustRootRef": "lab"}
            authority["ctlog"] = {"trustRootRef": "lab", "url": "http://rekor.invalid"}
        api.apply(document)
    root = json.loads(services.trusted_root.read_text()) | {"tlogs": []}
    with trust_root(api, tmp_path / "root", root) as conditions:
        assert '"status":"True","type":"Ready"' in conditions, conditions
        repository, index = found[CI]
        assert ask(api, str(repository.at(index))) == ""
        assert f'expected SAN value "{CI}"' in ask(api, str(found[EVE][0].at(found[EVE][1])))
        assert "no valid bundles" in ask(api, str(found["v2"][0].at(found["v2"][1])))
        assert ask(api, await bare(registry, repository))
        await close(registry, of_v1, repository, index)
        assert "verdict" in ask(api, str(repository.at(index)))


async def close(registry: Registry, services: Sigstore, repository: Repository, index: Digest) -> None:
    """Attach a verdict of closed gates in the place of the open one."""
    head = await registry.head(repository.at(index))
    assert head
    for referrer in (await registry.list_referrers(repository, index)).entries:
        if referrer.annotations.get("dev.sigstore.bundle.predicateType") == SUMMARY:
            await registry.delete(repository.at(referrer.digest))
    closed = Statement(index, SUMMARY, {"verificationResult": "FAILED"})
    (bundle,) = await signs_as(services, CI).sign([closed])
    await attach(registry, repository, head, bundle, created=0)


def signs_as(services: Sigstore, email: str) -> KeylessSigner:
    """A signer for somebody's token."""
    root = TrustFile(services.trusted_root.read_bytes(), "root")
    config = TrustFile(services.signing_config.read_bytes(), "config")

    async def token() -> str:
        return services.token(email)

    identity = Identity(Pattern(email), Pattern(services.people))
    signatory = IdentitySignatory(identity, read_services(root))
    return KeylessSigner(signatory, read_services(root, config, signs=True), token)
