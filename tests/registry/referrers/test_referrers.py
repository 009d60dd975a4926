"""Many statements about one image: a registry that rewrites its list of referrers must not lose any."""

from __future__ import annotations

import pytest

from pipeline.model import Repository
from pipeline.model.descriptor import EMPTY_JSON, OCI_EMPTY, OCI_MANIFEST, Descriptor
from pipeline.registry import Registry
from pipeline.util.json.canonical import compact
from tests.registry import images
from tests.registry.conftest import fresh

pytestmark = [pytest.mark.anyio, pytest.mark.real]


async def test_none_is_lost_by_a_copy(registry: Registry, repo: Repository, host: str) -> None:
    image = images.image("many", platforms=("linux/amd64",))
    await images.push(registry, repo, image, "1")
    subject = image.children[0].descriptor
    for number in range(12):
        statement = f"statement {number}".encode()
        layer = await registry.put_blob(repo, statement)
        raw = compact(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "artifactType": "application/vnd.test",
                "config": Descriptor.of(EMPTY_JSON, OCI_EMPTY).to_oci(),
                "layers": [layer.to_oci()],
                "subject": subject.to_oci(),
            }
        )
        await registry.put_blob(repo, EMPTY_JSON)
        await registry.put_manifest(repo, raw, OCI_MANIFEST)
    for _ in range(10):
        copy = fresh(host)
        await registry.copy(repo, image.index.digest, copy, tag="1")
        assert len(await registry.referrers(copy, subject.digest)) == 12
