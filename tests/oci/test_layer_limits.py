"""Each limit of layers and comparisons: what is just allowed, and the error beyond, in bounded memory."""

from __future__ import annotations

import gzip
import io
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.oci.compare.listing import Listing, read_listing
from pipeline.oci.compare.tree import flatten
from pipeline.oci.layer import EntryKind, LayerFault, LayerLimits, Usage, decompressed, entries

from .layers import XATTR, Made, tar, zstd

SMALL = LayerLimits(
    decompressed=1 << 20, ratio=8, ratio_free=64 << 10, header=4096, path=100, depth=5, entries=20, names=1024
)


def listed(content: bytes, limits: LayerLimits, usage: Usage | None = None) -> Listing:
    """The listing of a layer."""
    listing = {}
    for entry, body in entries(decompressed(io.BytesIO(content), limits), limits, usage):
        for _ in body.chunks():
            pass
        listing[entry.path] = entry
    return listing


def _extended(kinds: str, size: int) -> bytes:
    """Extended headers of these kinds, `size` bytes in all, before an entry."""
    out = b""
    for number, kind in enumerate(kinds):
        share = size // len(kinds) + (size % len(kinds) if not number else 0)
        text = b"a" if kind in "LK" else b"%d comment=" % share
        content = text.ljust(share, b"\0" if kind in "LK" else b"x")
        raw = bytearray(tar([Made("h", content=content[:-1] + (b"\0" if kind in "LK" else b"\n"))]))
        raw[156:157] = kind.encode()
        raw[148:156] = b" " * 8
        raw[148:156] = b"%06o\0 " % sum(raw[:512])
        out += bytes(raw[: 512 + share + -share % 512])
    return out + tar([Made("a")])


def _named(size: int) -> bytes:
    """Entries whose names take so many bytes."""
    names = [f"{n:064}" for n in range(size // 64)]
    return tar([Made(name) for name in (*names, *["x" * (size % 64)] * bool(size % 64))])


@pytest.mark.parametrize(
    ("make", "allowed", "limit"),
    [
        (
            lambda n: tar([Made(str(i)) for i in range(n)]),
            20,
            "than 20 entries",
        ),
        (lambda n: _extended("x", n), 4096, "extended header of 4097 bytes, more than 4 KiB"),
        (lambda n: _extended("gLKx", n), 4096, "extended header of 4097 bytes, more than 4 KiB"),
        (lambda n: tar([Made("a" * n)]), 100, "path of 101 bytes, more than 100 bytes"),
        (lambda n: tar([Made("a", "symlink", link="a" * n)]), 100, "path of 101 bytes, more than 100 bytes"),
        (lambda n: tar([Made("/".join("abcdefgh"[:n]))]), 5, "path of more than 5 folders"),
        (_named, 1024, "more than 1 KiB of names and extended attributes"),
        (
            lambda n: tar([Made("a", pax={f"{XATTR}user.a": "v" * n})]),
            1024 - 1 - 128 - len(f"{XATTR}user.a"),
            "more than 1 KiB of names and extended attributes",
        ),
    ],
)
def test_each_limit(make: Callable[[int], bytes], allowed: int, limit: str) -> None:
    listed(make(allowed), SMALL)
    with pytest.raises(LayerFault, match=limit):
        listed(make(allowed + 1), SMALL)


@pytest.mark.parametrize("pack", [lambda raw: gzip.compress(raw, mtime=0), zstd, bytes])
def test_a_layer_may_be_so_large(pack: Callable[[bytes], bytes]) -> None:
    """Decompressed, with what follows the end of the archive."""
    content = tar([Made("a", content=random.Random(1).randbytes(1 << 18))])
    filled = content + bytes((1 << 20) - len(content))
    listed(pack(filled), SMALL)
    with pytest.raises(LayerFault, match="more than 1 MiB when decompressed"):
        listed(pack(filled + b"\0"), SMALL)


@pytest.mark.parametrize("pack", [lambda raw: gzip.compress(raw, mtime=0), zstd])
def test_a_bomb_is_known_by_its_ratio(pack: Callable[[bytes], bytes]) -> None:
    listed(pack(tar([Made("a", content=bytes(40 << 10))])), SMALL)  # less than is free
    listed(pack(tar([Made("a", content=random.Random(1).randbytes(100 << 10))])), SMALL)
    with pytest.raises(
        LayerFault, match="more than 8 times its own size when decompressed, and more than 64 KiB"
    ):
        listed(pack(tar([Made("a", content=bytes(200 << 10))])), SMALL)
    members = pack(bytes(10)) * 10
    with pytest.raises(LayerFault):
        listed(pack(tar([Made("a", content=bytes(200 << 10))])) + members, SMALL)


def test_layers_that_are_read_together_share_their_limits() -> None:
    usage, layer = Usage(SMALL), tar([Made(str(n)) for n in range(9)])
    listed(layer, SMALL, usage)
    listed(layer, SMALL, usage)
    with pytest.raises(
        LayerFault, match="than 20 entries, together with the layers that it is compared with"
    ):
        listed(layer, SMALL, usage)


BOMB = """
import sys
from pathlib import Path
from pipeline.oci.compare.listing import read_listing
from pipeline.oci.layer import LayerFault

try:
    read_listing(Path(sys.argv[1]))
except LayerFault as fault:
    print(fault.message)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.real
def test_attributes_of_a_small_layer_do_not_fill_the_memory(tmp_path: Path) -> None:
    padded = tar([Made("a", pax={f"{XATTR}user.a": "x" * (1000 << 10)})])
    entry = padded[: len(padded.rstrip(b"\0")) + 511 & ~511]  # without the end of the archive
    (tmp_path / "layer").write_bytes(gzip.compress(entry, mtime=0) * 600)
    assert (tmp_path / "layer").stat().st_size < 1 << 20
    command = [sys.executable, "-c", BOMB, str(tmp_path / "layer")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    message, peak = done.stdout.splitlines()
    assert message.startswith("a layer has more than 256 MiB of names and extended attributes")
    assert int(peak) * 1024 < 450 << 20


def naive(layers: list[Listing]) -> dict[str, object]:
    """What layer.md says of removals, one path at a time."""
    tree: dict[str, object] = {}
    for layer in layers:
        before = dict(tree)
        for path in before:
            above = [path.rsplit("/", n)[0] for n in range(1, path.count("/") + 1)] + ([""] if path else [])
            for other, listed_entry in layer.items():
                entry = listed_entry.entry
                replaced = entry.kind is not EntryKind.FOLDER and other in before and other in above
                if entry.whiteout in (path, *above) or entry.opaque in above or replaced:
                    tree.pop(path, None)
        for path, listed_entry in layer.items():
            if listed_entry.entry.whiteout is None and listed_entry.entry.opaque is None:
                tree[path] = listed_entry
    return tree


_parts = st.lists(st.sampled_from(["a", "b", ".wh.a", ".wh.b", ".wh..wh..opq"]), min_size=1, max_size=4)
_layers = st.lists(
    st.lists(
        st.builds(Made, path=_parts.map("/".join), kind=st.sampled_from(["file", "folder"])), max_size=6
    ),
    max_size=4,
)


@given(_layers)
def test_removals_are_those_of_the_specification(layers: list[list[Made]]) -> None:
    listings = []
    for made in layers:
        with tarfile.open(fileobj=io.BytesIO(tar(made))) as archive:
            assert len(archive.getnames()) == len(made)
        content = io.BytesIO(tar(made))
        listings.append(_listing(content))
    assert dict(flatten(listings)) == naive(listings)


def _listing(content: io.BytesIO) -> Listing:
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(content.getvalue())
        file.flush()
        return read_listing(Path(file.name))


@pytest.mark.parametrize("cut", [1, 100, 511, 513, 700])
def test_streams_that_end_early(cut: int) -> None:
    for raw in (gzip.compress(_extended("x", 900), mtime=0), zstd(_extended("x", 900)), _extended("x", 900)):
        if cut < len(raw):
            with pytest.raises(LayerFault):
                listed(raw[:cut], SMALL)
