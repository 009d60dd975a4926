"""Two images in a real registry as `lockage diff` sees them: what is attested, by whom, on which platforms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Reference, Repository
from pipeline.model.descriptor import OCI_MANIFEST
from pipeline.registry import Registry
from pipeline.report.difference import Change, difference
from pipeline.reporting.states import read_states
from pipeline.trust import CYCLONEDX, VULNERABILITIES, PublicKey, Statement, attach
from tests.state.test_attested_findings import predicate
from tests.tools.signing.bundles import OTHER_KEY, public, signed

pytestmark = [pytest.mark.real, pytest.mark.anyio]

KEY = PublicKey(public(), "test")


async def push(
    registry: Registry, repository: Repository, tag: str, settings: Mapping[str, Any]
) -> Descriptor:
    """An image of one layer; what is in it does not matter."""
    layer = Descriptor.of(tag.encode(), "application/vnd.oci.image.layer.v1.tar")
    config = json.dumps(
        {
            "os": "linux",
            "architecture": "amd64",
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [str(layer.digest)]},
            "history": [{"created_by": f"RUN {tag}"}],
        }
    ).encode()
    described = Descriptor.of(config, "application/vnd.oci.image.config.v1+json")
    for blob in (tag.encode(), config):
        await registry.put_blob(repository, blob)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described.to_oci(),
        "layers": [layer.to_oci()],
    }
    return await registry.put_manifest(repository, json.dumps(manifest).encode(), OCI_MANIFEST, tag=tag)


async def put(
    registry: Registry, repository: Repository, subject: Descriptor, kind: str, value: Any, key: Any
) -> None:
    payload = Statement(subject.digest, kind, value).to_json()
    await attach(registry, repository, subject, signed(payload, key) if key else signed(payload), created=0)


def bom(*packages: str) -> dict[str, Any]:
    components = [{"type": "library", "name": name, "version": "1"} for name in packages]
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components}


async def test_what_is_attested_is_compared(registry: Registry, olareg: str) -> None:
    repository = Reference.parse(f"{olareg}/diff/app:x").repository
    old = await push(registry, repository, "old", {"Env": ["A=1"]})
    new = await push(registry, repository, "new", {"Env": ["A=2"]})
    for image, packages, ids in ((old, ("curl",), ("CVE-1",)), (new, ("curl", "zlib"), ("CVE-2",))):
        await put(registry, repository, image, CYCLONEDX, bom("forged"), OTHER_KEY)
        await put(registry, repository, image, CYCLONEDX, bom(*packages), None)
        await put(registry, repository, image, VULNERABILITIES, predicate("2026-11-02", *ids), None)
    before, after = [
        (await read_states(registry, repository.tagged(t), KEY))["linux/amd64"] for t in ("old", "new")
    ]
    assert before.unverified == after.unverified == ()
    found = difference(before, after)
    assert found.packages == (Change("zlib", "", "1"),)
    assert [finding.id for finding in (*(found.opened or ()), *(found.closed or ()))] == ["CVE-2", "CVE-1"]
    assert [layer.created_by for layer in (*found.added, *found.removed)] == ["RUN new", "RUN old"]
    assert found.configuration == (Change("Env A", "1", "2"),)


async def test_what_another_key_signed_is_named(registry: Registry, olareg: str) -> None:
    repository = Reference.parse(f"{olareg}/diff/foreign:x").repository
    image = await push(registry, repository, "image", {})
    (state,) = (await read_states(registry, repository.tagged("image"), KEY)).values()
    assert (state.packages, state.findings, state.unverified) == (None, None, ())
    await put(registry, repository, image, CYCLONEDX, bom("curl"), OTHER_KEY)
    await put(registry, repository, image, VULNERABILITIES, predicate("2026-11-02", "CVE-1"), OTHER_KEY)
    (state,) = (await read_states(registry, repository.tagged("image"), KEY)).values()
    assert state.packages and state.findings and state.unverified == ("packages", "findings")


async def test_an_image_that_does_not_exist_is_one_error(registry: Registry, olareg: str) -> None:
    with pytest.raises(RegistryError, match="does not exist"):
        await read_states(registry, Reference.parse(f"{olareg}/diff/none:x"), KEY)
