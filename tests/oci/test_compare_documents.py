"""Differences outside files: configs, histories, annotations, indexes, and layers that cannot be read."""

from __future__ import annotations

import json

import pytest

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest
from pipeline.model.descriptor import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from pipeline.oci.layer import LayerFault
from pipeline.oci.layout import Layout
from pipeline.util.json.canonical import compact

from .layers import Made
from .test_compare import BASE, changed, compared, differences_of, image, layout

__all__ = ["layout"]


def index(layout: Layout, **children: Digest) -> Digest:
    """An index of some platforms (`linux_amd64=…`)."""
    entries = []
    for name, digest in children.items():
        os, _, arch = name.partition("_")
        entries.append(
            Descriptor(OCI_MANIFEST, digest, 1).to_oci() | {"platform": {"os": os, "architecture": arch}}
        )
    raw = compact({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
    return layout.put(raw, OCI_INDEX).digest


def test_config_history_labels_and_annotations(layout: Layout) -> None:
    before = {
        "created": "2026-01-01T00:00:00Z",
        "config": {"Labels": {"a.b": "1"}, "Env": ["A=1"]},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "x"}],
    }
    after = {
        "created": "2026-01-02T00:00:00Z",
        "config": {"Labels": {"a.b": "2"}, "Env": ["A=1", "B=2"], "User": "app"},
        "history": [{"created": "2026-01-02T00:00:00Z", "created_by": "x"}, {"created_by": "y"}],
    }
    comparison = compared(
        layout,
        image(layout, BASE, config=before, annotations={"k": "1", "only": "here"}),
        image(layout, BASE, config=after, annotations={"k": "2"}),
    )
    assert differences_of(comparison) == [
        ("manifest", "k", "annotation"),
        ("manifest", "only", "annotation"),
        ("config", "config.Env", "value"),
        ("config", "a.b", "label"),
        ("config", "config.User", "value"),
        ("config", "created", "value"),
        ("history", "0.created", "value"),
        ("history", "1.created_by", "value"),
    ]
    assert comparison.same_files and comparison.differences[1].after is None


def test_indexes_platform_by_platform(layout: Layout) -> None:
    first, second = image(layout, BASE), image(layout, changed("etc", mode=0o700))
    assert compared(layout, index(layout, linux_amd64=first), index(layout, linux_amd64=first)).equal
    comparison = compared(
        layout,
        index(layout, linux_amd64=first, linux_arm64=first),
        index(layout, linux_amd64=second, linux_s390x=first),
    )
    assert differences_of(comparison) == [
        ("linux/amd64 layer 0", "etc", "mode"),
        ("linux/amd64 tree", "etc", "mode"),
        ("manifest", "linux/arm64", "platform"),
        ("manifest", "linux/s390x", "platform"),
    ]
    mixed = compared(layout, first, index(layout, linux_amd64=first))
    assert ("manifest", "mediaType", "value") in differences_of(mixed)


def test_every_byte_counts(layout: Layout) -> None:
    """Manifests that say the same in other words are not equal."""
    first = image(layout, BASE)
    raw = layout._path(first).read_bytes()
    second = layout.put(raw + b"\n", OCI_MANIFEST).digest
    assert differences_of(compared(layout, first, second)) == [("manifest", "", "bytes")]


@pytest.mark.parametrize("what", ["diff_id", "size", "mediaType"])
def test_what_is_said_of_an_equal_layer(layout: Layout, what: str) -> None:
    first = image(layout, BASE)
    manifest = json.loads(layout._path(first).read_bytes())
    if what == "diff_id":
        raw = compact({"os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}})
        manifest["config"] = layout.put(raw, OCI_CONFIG).to_oci()
    else:
        manifest["layers"][0][what] = {"size": 1, "mediaType": "application/x"}[what]
    second = layout.put(compact(manifest), OCI_MANIFEST).digest
    where = "config" if what == "diff_id" else "manifest"
    assert differences_of(compared(layout, first, second)) == [(where, "layer 0", what)]


@pytest.mark.anyio
@pytest.mark.parametrize("fault", ["flipped", "missing", "shorter"])
@pytest.mark.parametrize("part", ["manifest", "config", "layer"])
async def test_every_byte_of_a_folder_is_checked(layout: Layout, part: str, fault: str) -> None:
    digest = image(layout, BASE)
    await layout.check(digest)
    manifest = await layout.manifest(digest)
    assert manifest.config
    damaged = {"manifest": digest, "config": manifest.config.digest, "layer": manifest.layers[0].digest}[part]
    file, content = layout._path(damaged), layout._path(damaged).read_bytes()
    if fault == "missing":
        file.unlink()
    else:
        file.write_bytes(content[:-1] if fault == "shorter" else content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(
        RegistryError, match="holds no" if fault == "missing" else "does not match its digest"
    ):
        await layout.check(digest)


def test_a_layer_that_is_none_is_an_error(layout: Layout) -> None:
    first, second = image(layout, BASE), image(layout, [Made("../x")])
    with pytest.raises(LayerFault, match="leads out of its root"):
        compared(layout, first, second)
    assert not list((layout.folder / "scratch").iterdir())
