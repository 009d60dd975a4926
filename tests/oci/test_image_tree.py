"""Trees of indexes: each manifest once, lowest first, and refused at each limit before much is read."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Manifest
from pipeline.model.descriptor import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST
from pipeline.oci.artifact import artifact_manifest
from pipeline.oci.image_tree import ImageTree, TreeLimits, TreeReader
from pipeline.oci.index import encode_index

SMALL = TreeLimits(depth=2, width=4, manifests=6, manifest_bytes=8192, blobs=8, content_bytes=1000)


class Store:
    """Manifests by digest, and how often each was read."""

    def __init__(self) -> None:
        self.manifests: dict[Digest, Manifest] = {}
        self.read_digests: list[Digest] = []

    def image(self, name: str, *layers: Descriptor) -> Manifest:
        """An image of some layers, by default one of its own."""
        own = layers or (Descriptor.of(name.encode(), OCI_LAYER_GZIP),)
        return self._add(
            artifact_manifest(None, own, config=Descriptor.of(b"{}" + name.encode(), OCI_CONFIG))
        )

    def index(self, *children: Manifest) -> Manifest:
        """An index of these."""
        return self._add(Manifest.parse(encode_index([child.descriptor for child in children]), OCI_INDEX))

    def _add(self, manifest: Manifest) -> Manifest:
        self.manifests[manifest.digest] = manifest
        return manifest

    async def read(self, digest: Digest) -> Manifest:
        """A manifest."""
        self.read_digests.append(digest)
        await anyio.lowlevel.checkpoint()
        return self.manifests[digest]

    def tree(self, top: Manifest, limits: TreeLimits | None = None) -> ImageTree:
        """The tree below a manifest."""
        return anyio.run(TreeReader(self.read, limits).tree, top)


def fan(store: Store, width: int, depth: int) -> Manifest:
    """Levels of `width` indexes, each of which lists the whole next level; images at the bottom."""
    level = [store.image(f"image {n}") for n in range(width)]
    for number in range(depth - 1):
        level = [
            Manifest.parse(
                encode_index([replace(c.descriptor, annotations={"n": f"{number}.{n}"}) for c in level]),
                OCI_INDEX,
            )
            for n in range(width)
        ]
        store.manifests |= {m.digest: m for m in level}
    return store.index(*level)


def test_each_manifest_is_read_once_however_often_it_is_listed() -> None:
    store = Store()
    tree = store.tree(fan(store, 8, 4))
    assert len(store.read_digests) == len(set(store.read_digests)) == 8 * 4 == len(tree.below)
    assert len(tree.blobs) == 16


def test_entries_come_before_the_index_that_lists_them_also_where_they_are_listed_twice() -> None:
    store = Store()
    leaf, other = store.image("leaf"), store.image("other")
    inner = store.index(leaf)
    outer = store.index(leaf, inner, other)
    tree = store.tree(store.index(leaf, outer))
    written: list[Digest] = []
    for level in tree.levels:
        assert all({c.digest for c in m.children} <= set(written) for m in level)
        written += [m.digest for m in level]
    assert [d.digest for d in tree.below] == [m.digest for m in (leaf, outer, inner, other)]
    assert sorted(written) == sorted(d.digest for d in tree.below)


def test_trees_of_one_reader_share_what_was_read() -> None:
    store = Store()
    shared = store.index(store.image("shared"))
    reader = TreeReader(store.read)

    async def both() -> None:
        async with anyio.create_task_group() as group:
            for image in (store.image("a"), store.image("b")):
                group.start_soon(reader.tree, store.index(shared, image))

    anyio.run(both)
    assert len(store.read_digests) == len(set(store.read_digests)) == 4


def test_what_is_skipped_is_listed_and_not_read() -> None:
    store = Store()
    held, missing = store.index(store.image("below what is held")), store.image("missing")

    async def holds(digest: Digest) -> bool:
        return digest == held.digest

    tree = anyio.run(TreeReader(store.read).tree, store.index(held, missing), holds)
    assert store.read_digests == [missing.digest]
    assert [d.digest for d in tree.below] == [held.digest, missing.digest]
    assert tree.levels == ((missing,),)


def _deep(store: Store, depth: int) -> Manifest:
    manifest = store.image("deep")
    for _ in range(depth):
        manifest = store.index(manifest)
    return manifest


def _large(store: Store, size: int) -> Manifest:
    """An index whose tree has so many bytes of manifests."""
    image = store.image("large")
    bare = len(encode_index([replace(image.descriptor, annotations={"x": ""})])) + len(image.raw)
    entry = replace(image.descriptor, annotations={"x": "x" * (size - bare)})
    return store._add(Manifest.parse(encode_index([entry]), OCI_INDEX))


def _layers(store: Store, sizes: list[int]) -> Manifest:
    layers = [Descriptor(OCI_LAYER_GZIP, Digest.of(b"%d" % n), size) for n, size in enumerate(sizes)]
    return store.index(store.image("1234567", *layers))


def _spread(store: Store, count: int) -> Manifest:
    """So many manifests: an index of two indexes, the first of one image, the second of the others."""
    first, *others = [store.image(str(n)) for n in range(count - 3)]
    return store.index(store.index(first), store.index(*others))


@pytest.mark.parametrize(
    ("make", "allowed", "limit"),
    [
        (_deep, 2, "nested more than 2 deep"),
        (lambda s, n: s.index(*[s.image("x")] * n), 4, "has more than 4 entries"),
        (_spread, 6, "leads to more than 6 manifests"),
        (_large, 8192, "leads to more than 8 KiB of manifests"),
        (lambda s, n: _layers(s, [1] * (n - 1)), 8, "has more than 8 blobs"),
        (lambda s, n: _layers(s, [n - 9 - 500, 500]), 1000, "has more than 1000 bytes of content"),
    ],
)
def test_each_limit(make, allowed: int, limit: str) -> None:
    store = Store()
    store.tree(make(store, allowed), SMALL)
    with pytest.raises(RegistryError, match=limit) as caught:
        store.tree(make(store, allowed + 1), SMALL)
    assert caught.value.hint


def test_entries_that_would_be_too_many_are_not_read() -> None:
    store = Store()
    top = fan(store, 4, 4)
    with pytest.raises(RegistryError, match="more than 10 manifests"):
        store.tree(top, replace(TreeLimits(), manifests=10))
    assert len(store.read_digests) <= 10


def test_an_entry_states_the_size_of_its_manifest() -> None:
    store = Store()
    image = store.image("a")
    for size in (0, 1, len(image.raw) - 1, len(image.raw) + 1, 1 << 59):
        lying = Manifest.parse(encode_index([Descriptor(OCI_MANIFEST, image.digest, size)]), OCI_INDEX)
        with pytest.raises(RegistryError, match=r"index that lists it states|MiB of manifests"):
            store.tree(lying)


@given(st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=1, max_size=6))
def test_any_graph_is_read_once_and_written_in_order(links: list[list[int]]) -> None:
    store = Store()
    made = [store.image(f"leaf {n}") for n in range(2)]
    for link in links:
        made.append(store.index(*[made[n % len(made)] for n in link], made[-1]))
    try:
        tree = store.tree(made[-1])
    except RegistryError as refused:
        assert "deep" in refused.message
        return
    assert len(store.read_digests) == len(set(store.read_digests)) == len(tree.below)
    written: set[Digest] = set()
    for level in tree.levels:
        assert all({c.digest for c in m.children} <= written for m in level)
        written |= {m.digest for m in level}
