"""Many who attach signatures to one image at the same time, each with a client of its own: none is lost.

On the embedded registry, which writes one manifest after the other, and on distribution, where a tag lists what is
attached and whoever writes it last wins.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.model import Digest, Repository
from pipeline.registry import Access, HostAccess, Registry
from pipeline.registry.auth.credentials import Credentials
from pipeline.trust import SIGNATURE, PrivateKey, PublicKey, Statement, attach, examine, signed_bundle
from pipeline.util.concurrency import each
from tests.registry import images, servers
from tests.registry.auth.test_tokens import ACCESS
from tests.registry.conftest import fresh
from tests.tools.signing.bundles import new_pair

pytestmark = [pytest.mark.anyio, pytest.mark.real]

_SIGNERS = 40


async def all_found(access: Access, repo: Repository) -> None:
    """Sign an image by everybody at once, and find every signature."""
    image = images.image("signed by many", platforms=("linux/amd64",), layers=1)
    async with Registry(access) as registry:
        await images.push(registry, repo, image)
    subject, pair = image.index.descriptor, new_pair()
    private, public = PrivateKey(pair), PublicKey(pair.public, "test")

    async def sign(number: int) -> Digest:
        statement = Statement(subject.digest, SIGNATURE, {}, {"number": str(number)})
        bundle = signed_bundle(statement, private, public)
        async with Registry(access) as own:
            return (await attach(own, repo, subject, bundle, created=number)).digest

    attached = await each(sign, range(_SIGNERS))
    async with Registry(access) as reader:
        seen = await examine(reader, repo, subject.digest, public)
    assert set(seen.sources) == set(attached) and len(set(attached)) == _SIGNERS
    assert {s.annotations["number"] for s in seen.statements} == {str(n) for n in range(_SIGNERS)}


async def test_on_distribution(distribution: str) -> None:
    await all_found(Access(), fresh(distribution))


async def test_on_the_embedded_registry(tmp_path: Path) -> None:
    with servers.embedded(tmp_path, ACCESS) as host:
        own = HostAccess(credentials=Credentials("alice", "wonderland"), sends_basic=True)
        await all_found(Access({host: own}), fresh(host))
