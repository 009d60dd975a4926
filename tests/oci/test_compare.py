"""Comparing: every kind of difference is found, where it is, and nothing else is."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import anyio
import pytest

from pipeline.model import Digest
from pipeline.model.descriptor import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from pipeline.oci.compare import Comparison, Image, compare
from pipeline.oci.layout import Layout
from pipeline.util.json.canonical import compact

from .layers import XATTR, Made, tar

BASE = [
    Made("etc", "folder", mode=0o755),
    Made("etc/hosts", content=b"127.0.0.1\n"),
    Made("etc/link", "symlink", link="hosts"),
    Made("etc/old", content=b"old"),
    Made("null", "character", device=(1, 3)),
]


def image(
    layout: Layout,
    *layers: list[Made],
    config: dict[str, Any] | None = None,
    annotations: dict[str, str] | None = None,
    level: int = 6,
) -> Digest:
    """An image of these layers, written to a layout."""
    tars = [tar(entries) for entries in layers]
    described = [
        layout.put(gzip.compress(content, level, mtime=0), OCI_LAYER_GZIP).to_oci() for content in tars
    ]
    diff_ids = [str(Digest.of(content)) for content in tars]
    raw = compact({"os": "linux"} | (config or {}) | {"rootfs": {"type": "layers", "diff_ids": diff_ids}})
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": layout.put(raw, OCI_CONFIG).to_oci(),
        "layers": described,
        "annotations": annotations or {},
    }
    return layout.put(compact(manifest), OCI_MANIFEST).digest


def compared(layout: Layout, before: Digest, after: Digest) -> Comparison:
    """The comparison of two images of a layout."""
    sides = Image(layout, before, "before"), Image(layout, after, "after")
    return anyio.run(compare, *sides, layout.folder / "scratch")


def differences_of(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Where, path and what of each difference."""
    return [(d.where, d.path, d.what) for d in comparison.differences]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty layout."""
    return Layout.create(tmp_path / "layout")


def changed(path: str, **more: Any) -> list[Made]:
    """The base layer with one entry changed."""
    from dataclasses import replace

    return [replace(e, **more) if e.path == path else e for e in BASE]


@pytest.mark.parametrize(
    ("after", "path", "what", "values"),
    [
        (changed("etc/hosts", content=b"::1\n"), "etc/hosts", "content", ("10 bytes", "4 bytes")),
        (changed("etc/hosts", content=b"127.0.0.2\n"), "etc/hosts", "content", ("10 bytes", "10 bytes")),
        (changed("etc", mode=0o700), "etc", "mode", ("0755", "0700")),
        (changed("etc/hosts", uid=5, gid=6), "etc/hosts", "owner", ("0:0", "5:6")),
        (
            changed("etc/old", mtime=1001.5),
            "etc/old",
            "time",
            ("1970-01-01T00:16:40Z", "1970-01-01T00:16:41.500000000Z"),
        ),
        (changed("etc/link", link="old"), "etc/link", "link target", ("hosts", "old")),
        (changed("null", device=(1, 5)), "null", "device", ("1:3", "1:5")),
        (
            changed("etc/old", kind="symlink", content=b"", link=""),
            "etc/old",
            "kind",
            ("file", "symbolic link"),
        ),
        (
            changed("etc/old", pax={f"{XATTR}user.a": "1"}),
            "etc/old",
            f"{XATTR}user.a",
            (None, "1"),
        ),
        ([e for e in BASE if e.path != "etc/old"], "etc/old", "presence", ("file", None)),
        ([*BASE, Made("new", "folder")], "new", "presence", (None, "folder")),
    ],
)
def test_every_kind_of_difference_in_a_layer_and_in_the_tree(
    layout: Layout, after: list[Made], path: str, what: str, values: tuple[str | None, str | None]
) -> None:
    comparison = compared(layout, image(layout, BASE), image(layout, after))
    assert differences_of(comparison) == [("layer 0", path, what), ("tree", path, what)]
    for value, expected in zip(
        (comparison.differences[0].before, comparison.differences[0].after), values, strict=True
    ):
        assert value == expected or str(value).startswith(f"{expected}, sha256:")
    assert not comparison.equal and not comparison.same_files


def test_order_compression_and_form_are_not_files(layout: Layout) -> None:
    plain = image(layout, BASE)
    swapped = compared(layout, plain, image(layout, [BASE[0], *reversed(BASE[1:])]))
    assert differences_of(swapped) == [("layer 0", "", "order of entries")] and swapped.same_files
    packed = compared(layout, plain, image(layout, BASE, level=1))
    assert differences_of(packed) == [("layer 0", "", "compression")] and packed.same_files
    noted = changed("etc/old", pax={"comment": "hello"})
    form = compared(layout, plain, image(layout, noted))
    assert differences_of(form) == [("layer 0", "", "form of the archive")] and form.same_files


def test_what_layers_hide_is_in_the_layer_and_not_in_the_tree(layout: Layout) -> None:
    removed = [Made("etc", "folder", mode=0o755), Made("etc/.wh.old")]
    comparison = compared(
        layout, image(layout, BASE, removed), image(layout, changed("etc/old", content=b"other"), removed)
    )
    assert differences_of(comparison) == [("layer 0", "etc/old", "content")] and comparison.same_files
    emptied = [Made("etc", "folder", mode=0o755), Made("etc/.wh..wh..opq"), Made("etc/new")]
    comparison = compared(layout, image(layout, BASE, removed), image(layout, BASE, emptied))
    assert [s for s in differences_of(comparison) if s[0] == "tree"] == [
        ("tree", "etc/hosts", "presence"),
        ("tree", "etc/link", "presence"),
        ("tree", "etc/new", "presence"),
    ]
    replaced = compared(layout, image(layout, BASE, [Made("etc")]), image(layout, BASE, []))
    assert {s[1] for s in differences_of(replaced) if s[0] == "tree"} == {
        "etc",
        "etc/hosts",
        "etc/link",
        "etc/old",
    }


def test_the_same_files_in_other_layers(layout: Layout) -> None:
    comparison = compared(layout, image(layout, BASE), image(layout, BASE[:2], BASE[2:]))
    assert comparison.same_files and ("manifest", "layers", "number") in differences_of(comparison)


def test_a_hard_link_and_a_copy_are_the_same_tree(layout: Layout) -> None:
    linked = [Made("a", content=b"1"), Made("b", "link", link="a")]
    copied = [Made("a", content=b"1"), Made("b", content=b"1")]
    comparison = compared(layout, image(layout, linked), image(layout, copied))
    assert comparison.same_files and ("layer 0", "b", "kind") in differences_of(comparison)


@pytest.mark.parametrize(
    "links",
    [
        [Made("b", "link", link="b")],
        [Made("b", "link", link="c"), Made("c", "link", link="b")],
        [Made("b", "link", link="nowhere")],
    ],
)
def test_a_hard_link_that_leads_nowhere_is_compared_as_a_link(layout: Layout, links: list[Made]) -> None:
    """To itself, in a circle, to nothing: no tool can unpack it, and all that can be seen is the link."""
    comparison = compared(layout, image(layout, links), image(layout, [Made("b", content=b"1"), *links[1:]]))
    assert ("tree", "b", "kind") in differences_of(comparison) and not comparison.same_files
    same = compared(layout, image(layout, links), image(layout, links, level=1))
    assert differences_of(same) == [("layer 0", "", "compression")]


def test_a_hard_link_to_a_folder_is_seen_as_that_folder(layout: Layout) -> None:
    linked = [Made("d", "folder", mode=0o700), Made("a", "link", link="d")]
    comparison = compared(
        layout, image(layout, linked), image(layout, [linked[0], Made("a", "folder", mode=0o755)])
    )
    assert differences_of(comparison) == [
        *(("layer 0", "a", what) for what in ("kind", "mode", "link target")),
        ("tree", "a", "mode"),
    ]


def test_a_path_that_stands_twice_in_a_layer_is_what_was_written_last(layout: Layout) -> None:
    twice = [Made("a", content=b"1"), Made("a", content=b"2")]
    comparison = compared(layout, image(layout, twice), image(layout, twice[1:]))
    assert differences_of(comparison) == [("layer 0", "", "form of the archive")] and comparison.same_files
