"""Reading layers: what they hold, in whatever form it was written, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import tarfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.oci.compare.listing import Listing, listing_differences, read_listing
from pipeline.oci.layer import LayerFault, LayerLimits

from .layers import KINDS, XATTR, Made, tar, zstd

SAMPLE = [
    Made("etc", "folder", mode=0o755),
    Made("etc/passwd", content=b"root:x:0:0\n", uid=10, gid=20),
    Made("etc/alias", "symlink", link="../etc/passwd"),
    Made("etc/.wh.gone"),
    Made("usr", "folder", mode=0o1777),
    Made("usr/.wh..wh..opq"),
    Made("usr/tool", content=b"\x7fELF", mode=0o4755, pax={f"{XATTR}user.note": "yes"}),
    Made("usr/tool-2", "link", link="usr/tool", mode=0o4755),
    Made("usr/ünïcode", content=b"x"),
    Made("usr/" + "long/" * 40 + "name", content=b"deep"),
    Made("dev-null", "character", device=(1, 3)),
    Made("dev-disk", "block", device=(8, 0)),
    Made("queue", "pipe"),
]


def listed(content: bytes, limits: LayerLimits | None = None) -> Listing:
    """What is read of some bytes that lie in a file."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "layer"
        file.write_bytes(content)
        return read_listing(file, limits)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd])
def test_what_is_read_is_what_python_reads(pack: Callable[[bytes], bytes]) -> None:
    listing = listed(pack(tar(SAMPLE)))
    assert list(listing) == [made.path for made in SAMPLE]
    with tarfile.open(fileobj=io.BytesIO(tar(SAMPLE))) as archive:
        for other in archive:
            entry, digest = listing[other.name].entry, listing[other.name].digest
            assert entry.kind.encode() == other.type, other.name
            fields = (entry.mode, entry.uid, entry.gid, entry.size, entry.link, entry.major, entry.minor)
            assert fields == (
                *(other.mode, other.uid, other.gid, other.size),
                *(other.linkname, other.devmajor, other.devminor),
            ), other.name
            content = archive.extractfile(other) if other.isreg() else None
            expected = hashlib.sha256(content.read()).hexdigest() if content else None
            assert (digest and digest.hex) == expected, other.name
    assert listing["usr/tool"].entry.records == ((f"{XATTR}user.note", b"yes"),)
    assert listing["etc/.wh.gone"].entry.whiteout == "etc/gone"
    assert listing["usr/.wh..wh..opq"].entry.opaque == "usr"


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [(1000, 1000 * 10**9), (1000.75, 1000_750_000_000), (-5, -5 * 10**9), (2**34, 2**34 * 10**9)],
)
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_times_to_the_nanosecond(written: float, nanoseconds: int, form: int) -> None:
    if form == tarfile.GNU_FORMAT:
        nanoseconds -= nanoseconds % 10**9  # whole seconds are all that it has
    assert listed(tar([Made("a", mtime=written)], form))["a"].entry.mtime == nanoseconds


def test_neither_names_of_owners_nor_other_times_are_read() -> None:
    noisy = Made("a", uname="root", pax={"atime": "12.5", "ctime": "13.5", "comment": "built by me"})
    assert listed(tar([noisy])) == listed(tar([Made("a")]))


def test_the_ways_to_write_the_same_are_one() -> None:
    """GNU's long names, PAX records, ./ in front, a slash behind: the same files."""
    long = "d/" * 80 + "file"
    paths = [Made("d", "folder"), Made(long, content=b"1"), Made("l", "link", link=long)]
    dotted = [Made("./d/", "folder"), Made("./" + long, content=b"1"), Made("l", "link", link="./" + long)]
    forms = [tar(paths, form) for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]
    forms += [tar(dotted), gzip.compress(forms[0], 1), zstd(forms[1])]
    assert all(listed(form) == listed(forms[0]) for form in forms)


def test_hard_links_stay_as_they_are_also_those_to_a_layer_below() -> None:
    listing = listed(
        tar([Made("z", content=b"same"), Made("a", "link", link="z"), Made("b", "link", link="./below")])
    )
    assert [(p, s.entry.kind.label, s.entry.link, s.entry.size) for p, s in listing.items()] == [
        ("z", "file", "", 4),
        ("a", "hard link", "z", 0),
        ("b", "hard link", "below", 0),
    ]
    assert listing["a"].digest is None


def test_of_a_path_that_stands_twice_the_last_counts() -> None:
    """A container sees what was unpacked last; so do the other tools that read layers."""
    listing = listed(tar([Made("a", content=b"1"), Made("b"), Made("./a", content=b"22")]))
    assert list(listing) == ["b", "a"]
    assert listing["a"].entry.size == 2


_names = st.text(
    st.characters(min_codepoint=45, max_codepoint=0x2FF, exclude_characters="/\\"), min_size=1
).filter(lambda name: name not in (".", "..") and len(name.encode()) < 200)
_entries = st.lists(
    st.builds(
        Made,
        path=st.lists(_names, min_size=1, max_size=4).map("/".join),
        kind=st.sampled_from(["file", "folder", "symlink"]),
        content=st.just(b""),
        mode=st.integers(0, 0o7777),
        uid=st.integers(0, 2**31),
        gid=st.integers(0, 70_000),
        mtime=st.integers(0, 4000),
        link=_names,
    ),
    unique_by=lambda made: made.path,
    max_size=12,
)


@settings(deadline=None, max_examples=settings.default.max_examples * 3 // 5)
@given(entries=_entries, seed=st.integers())
def test_order_and_form_are_all_that_two_archives_of_the_same_differ_in(
    entries: list[Made], seed: int
) -> None:
    shuffled = entries.copy()
    random.Random(seed).shuffle(shuffled)
    first, second = listed(tar(entries)), listed(gzip.compress(tar(shuffled, tarfile.GNU_FORMAT)))
    assert dict(first) == dict(second)
    differences = [d.what for d in listing_differences("layer 0", first, second)]
    assert differences == ([] if entries == shuffled else ["order of entries"])
    assert [made.path for made in entries] == list(first)
    assert all(KINDS[m.kind] == first[m.path].entry.kind.encode() for m in entries)


@settings(deadline=None, max_examples=settings.default.max_examples * 2)
@given(data=st.data())
def test_damage_is_a_fault_of_the_layer_or_makes_no_difference_to_the_reader(data: st.DataObject) -> None:
    """Whatever bytes are changed: entries, or LayerFault, and no other error."""
    raw = bytearray(tar(SAMPLE))
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255)), min_size=1, max_size=8)
    ):
        raw[at] = value
        start = at - at % 512
        if 148 <= at % 512 < 156 or not any(raw[start : start + 512]):
            continue
        block = raw[start : start + 512]
        block[148:156] = b" " * 8
        if data.draw(st.booleans()):  # so that the reader gets further than the checksum
            raw[start + 148 : start + 156] = b"%06o\0 " % sum(block)
    try:
        listing = listed(bytes(raw))
    except LayerFault:
        return
    assert all(".." not in path.split("/") for path in listing)
    list(listing_differences("layer 0", listing, {}))
    list(listing_differences("layer 0", listing, listed(tar(SAMPLE))))
