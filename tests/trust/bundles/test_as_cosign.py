"""Cosign and this program read the same bundles and refuse the same ones: variants of one true bundle, each asked of
both."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from pipeline.model import Descriptor, Repository
from pipeline.model.descriptor import EMPTY_JSON, OCI_EMPTY, OCI_MANIFEST
from pipeline.registry import Registry
from pipeline.trust import SIGNATURE, Claims, PublicKey, Statement, examine
from pipeline.util.json.canonical import compact
from tests.tools.programs import program
from tests.tools.signing.bundles import BUNDLE, KEY, public

from .edits import IMAGE, SUBJECT, Variant, signing
from .variants import VARIANTS

pytestmark = pytest.mark.real


async def write(registry: Registry, repository: Repository, variant: Variant) -> None:
    """An image with one referrer."""
    for blob in (EMPTY_JSON, variant.raw):
        await registry.put_blob(repository, blob)
    image = await registry.put_manifest(repository, IMAGE, OCI_MANIFEST)
    layer = Descriptor.of(variant.raw, variant.layer_type).to_oci()
    referrer = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": BUNDLE,
        "config": Descriptor.of(EMPTY_JSON, OCI_EMPTY).to_oci(),
        "layers": [layer] * variant.layers,
        "subject": image.to_oci(),
    }
    await registry.put_manifest(repository, compact(referrer), OCI_MANIFEST)


async def ours(host: str) -> dict[str, str]:
    """Why each variant is refused; empty for those that are not."""
    key, answers = PublicKey(public(KEY), "test"), {}
    async with Registry() as registry:
        for number, (name, found) in enumerate(VARIANTS.items()):
            repository = Repository(host, f"bundles/v{number}")
            await write(registry, repository, found if isinstance(found, Variant) else Variant(found))
            seen = await examine(registry, repository, SUBJECT, key)
            answers[name] = "" if seen.statements else "; ".join(seen.refused) or "nothing found"
    return answers


def verify_options(folder: Path) -> list[str | Path]:
    """What keeps cosign off the network."""
    (folder / "root.json").write_text(
        '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
    )
    (folder / "key.pub").write_bytes(public(KEY))
    options = ["--key", folder / "key.pub", "--trusted-root", folder / "root.json"]
    options += ["--insecure-ignore-tlog", "--allow-http-registry"]
    return options


def theirs(host: str, folder: Path) -> dict[str, str]:
    """The same of cosign."""
    options = verify_options(folder)

    def ask(number: int) -> str:
        image = f"{host}/bundles/v{number}@{SUBJECT}"
        done = subprocess.run(
            [program("cosign"), "verify", *options, image], capture_output=True, text=True, check=False
        )
        return done.stderr.strip() if done.returncode else ""

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(VARIANTS, pool.map(ask, range(len(VARIANTS))), strict=True))


def test_each_variant_of_a_bundle_has_one_answer(olareg: str, tmp_path: Path) -> None:
    mine = anyio.run(ours, olareg)
    cosigns = theirs(olareg, tmp_path)
    assert len(VARIANTS) >= 80 and not mine["as it is"] and not cosigns["as it is"]
    differ = {
        name: f"ours {mine[name] or 'accepts'!r}, cosign {cosigns[name][-300:] or 'accepts'!r}"
        for name in VARIANTS
        if bool(mine[name]) != bool(cosigns[name])
    }
    assert differ == {}, "\n".join(f"{name}: {answers}" for name, answers in differ.items())


def test_cosign_finds_the_claims_of_a_signature(olareg: str, tmp_path: Path) -> None:
    claims = Claims("app", "dev/app", "1.2.3", ("1.2.3", "1"), "linux/amd64", "a" * 40, "k" * 64)
    statement = Statement(SUBJECT, SIGNATURE, {}, claims.annotations())
    repository = Repository(olareg, "bundles/claims")

    async def attached() -> None:
        async with Registry() as registry:
            await write(registry, repository, Variant(signing(statement.to_json())))
            seen = await examine(registry, repository, SUBJECT, PublicKey(public(KEY), "test"))
            assert seen.claims == (claims,)

    anyio.run(attached)
    options = verify_options(tmp_path)

    def ask(*annotations: str) -> int:
        asked = [part for annotation in annotations for part in ("-a", annotation)]
        command = [program("cosign"), "verify", *options, *asked, str(repository.at(SUBJECT))]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert ask(*(f"{name}={value}" for name, value in claims.annotations().items())) == 0
    assert all(ask(f"{name}=other") for name in claims.annotations())
