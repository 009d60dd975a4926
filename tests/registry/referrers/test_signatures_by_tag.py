"""Signatures in cosign's older tag scheme, judged by cosign with its option for that."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from pipeline.model import Digest, Repository
from pipeline.registry import Registry
from pipeline.run.signing.tag_scheme import TagSigner
from pipeline.trust import PrivateKey
from pipeline.trust.keypair import KeyPair
from pipeline.trust.simple_signing import signature_tag
from tests.registry import images
from tests.registry.conftest import fresh
from tests.tools.programs import program
from tests.tools.signing.bundles import new_pair

pytestmark = [pytest.mark.anyio, pytest.mark.real]


def key_file(folder: Path, name: str, pair: KeyPair) -> Path:
    path = folder / name
    path.write_bytes(pair.public)
    return path


async def cosign_accepts(reference: str, key: Path) -> bool:
    """Whether cosign finds a signature by a key where it put them before bundles."""
    options = ["--new-bundle-format=false", "--insecure-ignore-tlog", "--allow-http-registry"]
    argv = [program("cosign"), "verify", "--key", str(key), *options, reference]
    done = await anyio.run_process(argv, check=False)
    print(done.stderr)
    return done.returncode == 0


async def named_by(registry: Registry, repo: Repository, digest: Digest) -> set[str]:
    """The repositories that the signatures under a digest's tag are for, as containers' policies compare them."""
    manifest = await registry.get_manifest(repo.tagged(signature_tag(digest)))
    assert manifest is not None
    payloads = [json.loads(await registry.blob(repo, layer)) for layer in manifest.layers]
    assert all(p["critical"]["image"]["docker-manifest-digest"] == str(digest) for p in payloads)
    return {payload["critical"]["identity"]["docker-reference"] for payload in payloads}


async def test_consumers_of_the_tag_scheme_find_them_in_every_environment(
    registry: Registry, repo: Repository, host: str, tmp_path: Path
) -> None:
    pair, stranger = new_pair(), new_pair()
    own, other = key_file(tmp_path, "own.pub", pair), key_file(tmp_path, "other.pub", stranger)
    image, prod = images.image("tag scheme"), fresh(host)
    await images.push(registry, repo, image, "1")
    digests = [image.index.digest, *(child.digest for child in image.children)]
    signer = TagSigner(PrivateKey(pair), pair.public_key, (repo, prod))
    await signer.ensure(registry, repo, digests)
    await registry.copy(repo, image.index.digest, prod, tag="1")
    for where in (repo, prod):
        for digest in digests:
            assert await cosign_accepts(str(where.at(digest)), own)
            assert await named_by(registry, where, digest) == {str(repo), str(prod)}
        assert not await cosign_accepts(str(where.at(image.index.digest)), other)


async def test_what_is_there_is_not_written_again_and_another_key_adds_its_own(
    registry: Registry, repo: Repository, tmp_path: Path
) -> None:
    pairs = [new_pair(), new_pair()]
    image = images.image("two keys", platforms=("linux/amd64",))
    await images.push(registry, repo, image)
    digest = image.index.digest
    tag = repo.tagged(signature_tag(digest))
    for pair in pairs:
        signer = TagSigner(PrivateKey(pair), pair.public_key, (repo,))
        await signer.ensure(registry, repo, [digest])
        once = await registry.head(tag)
        await signer.ensure(registry, repo, [digest])
        assert await registry.head(tag) == once
    for number, pair in enumerate(pairs):
        assert await cosign_accepts(str(repo.at(digest)), key_file(tmp_path, f"{number}.pub", pair))


async def test_what_others_wrote_under_the_tag_is_no_signature(registry: Registry, repo: Repository) -> None:
    """A layer of another digest, a broken signature, another kind: none counts as ours, and none is lost."""
    pair = new_pair()
    signer = TagSigner(PrivateKey(pair), pair.public_key, (repo,))
    first, second = (images.image(seed, platforms=("linux/amd64",)) for seed in ("one", "two"))
    for image in (first, second):
        await images.push(registry, repo, image)
    await signer.ensure(registry, repo, [first.index.digest])
    foreign = await registry.get_manifest(repo.tagged(signature_tag(first.index.digest)))
    assert foreign is not None
    tag = signature_tag(second.index.digest)
    await registry.put_manifest(repo, foreign.raw, foreign.media_type, tag=tag)
    await signer.ensure(registry, repo, [second.index.digest])
    written = await registry.get_manifest(repo.tagged(tag))
    assert written is not None
    assert len(written.layers) == 2 and written.layers[0] == foreign.layers[0]
