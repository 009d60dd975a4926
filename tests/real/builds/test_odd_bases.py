"""Bases in forms that few publishers use: Docker's manifests, zstd, layers that a registry need not have."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import DOCKER_MANIFEST, OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from pipeline.registry import Registry
from pipeline.util.json.canonical import compact
from tests.oci.layers import Made, tar, zstd
from tests.real import samples
from tests.real.site import Site
from tests.real.tools import crane
from tests.tools.logins import access

pytestmark = pytest.mark.real

DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


@dataclass(frozen=True)
class Form:
    """How a base is written: its media types, and the compression of its layers."""

    layer: str
    manifest: str = OCI_MANIFEST
    config: str = OCI_CONFIG
    pack: Callable[[bytes], bytes] = lambda content: gzip.compress(content, mtime=0)

    @property
    def judged(self) -> tuple[str, ...]:
        """What crane checks: it reads layers in gzip alone."""
        return () if "gzip" in self.layer else ("--fast",)


FORMS = {
    "docker": Form(DOCKER_LAYER, DOCKER_MANIFEST, DOCKER_CONFIG),
    "foreign": Form(DOCKER_FOREIGN, DOCKER_MANIFEST, DOCKER_CONFIG),
    "nondistributable": Form("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
    "plain": Form("application/vnd.oci.image.layer.v1.tar", pack=bytes),
    "zstd": Form("application/vnd.oci.image.layer.v1.tar+zstd", pack=zstd),
}


async def push(host: str, path: str, form: Form) -> tuple[str, list[str]]:
    """A base of two small layers; its reference, and their digests."""
    repository = Repository(host, path)
    tars = [
        tar([Made("etc/", "folder", mode=0o755), Made(f"etc/{n}", content=f"{path} {n}".encode())])
        for n in "ab"
    ]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-11-02T00:00:00Z",
        "config": {"Env": ["OF=base"]},
        "history": [{"created_by": f"layer {n}"} for n in "ab"],
        "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(content)) for content in tars]},
    }
    async with Registry(access()) as registry:
        described = await registry.put_blob(repository, raw := compact(config))
        layers = []
        for content in map(form.pack, tars):
            descriptor = await registry.put_blob(repository, content, Descriptor.of(content, form.layer))
            layers.append(descriptor.to_oci())
        manifest = {
            "schemaVersion": 2,
            "mediaType": form.manifest,
            "config": {**described.to_oci(), "mediaType": form.config, "size": len(raw)},
            "layers": layers,
        }
        await registry.put_manifest(repository, json.dumps(manifest).encode(), form.manifest, tag="1")
    return str(repository.tagged("1")), [layer["digest"] for layer in layers]


def test_on_any_form_of_base_the_image_is_valid_and_built_again_the_same(
    site: Site, project: Callable[..., Path]
) -> None:
    bases = {name: anyio.run(push, site.registry, f"odd/{name}", form) for name, form in FORMS.items()}
    files = {}
    for name, (reference, _) in bases.items():
        files[f"images/{name}/image.yml"] = samples.image("1.0.0")
        files[f"images/{name}/Dockerfile.tmpl"] = f"FROM {reference}\nCOPY rootfs/ /\n"
        files[f"images/{name}/rootfs/etc/own"] = f"{name}\n"
    root = project(files)
    text = (root / "lockage.yml").read_text()
    listed = ", ".join(f"'{reference}'" for reference, _ in bases.values())
    (root / "lockage.yml").write_text(text.replace("bases: [", f"bases: [{listed}, "))
    scanned = site.run("scan", "plain", "--json", cwd=root).json["targets"]
    assert [(t["image"], t["status"]) for t in scanned] == [
        ("plain", "built")
    ]  # its archive: gzip throughout
    targets = site.run("build", "--json", cwd=root).json["targets"]
    repository = f"{site.registry}/{text.partition('builds: ')[2].split()[0]}"
    for target in targets:
        image = f"{repository}@{target['digest']}"
        form = FORMS[target["image"]]
        crane("validate", "--remote", image, *form.judged)
        manifest = json.loads(crane("manifest", image))
        assert manifest["mediaType"] == OCI_MANIFEST
        layers = manifest["layers"]
        assert [layer["digest"] for layer in layers[:-1]] == bases[target["image"]][1], target["image"]
        kept = OCI_LAYER_GZIP if form.layer.endswith("gzip") else form.layer
        assert [layer["mediaType"] for layer in layers] == [kept, kept, OCI_LAYER_GZIP]
        history = json.loads(crane("config", image))["history"]
        assert [line["created_by"] for line in history[:2]] == ["layer a", "layer b"]
    done = site.run("rebuild", "--compare", "--json", cwd=root).json
    assert {t["status"] for t in done["targets"]} == {"equal"} and len(done["targets"]) == len(FORMS)
