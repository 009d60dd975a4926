"""The normal form of a layer: what decides it, what does not, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.release.layer import CONTEXT, LayerFault, Limits

from .layers import XATTR, Made, members, normal, plain, tar, zstd

SAMPLE = [
    Made("etc", "folder", mode=0o755),
    Made("etc/passwd", content=b"root:x:0:0\n", uid=10, gid=20),
    Made("etc/alias", "symlink", link="../etc/passwd"),
    Made("etc/.wh.gone"),
    Made("usr", "folder", mode=0o1777),
    Made("usr/tool", content=b"\x7fELF", mode=0o4755, pax={f"{XATTR}user.note": "yes"}),
    Made("usr/tool-2", "link", link="usr/tool", mode=0o4755),
    Made("usr/ünïcode", content=b"x"),
    Made("usr/" + "long/" * 40 + "name", content=b"deep"),
    Made("dev-null", "character", device=(1, 3)),
    Made("dev-disk", "block", device=(8, 0)),
    Made("queue", "pipe"),
]


def test_what_comes_out_is_what_went_in(tmp_path: Path) -> None:
    found = normal(tmp_path, tar(SAMPLE))
    with (
        tarfile.open(fileobj=io.BytesIO(tar(SAMPLE))) as before,
        tarfile.open(found.path, "r:gz") as after,
    ):
        for old in before:
            new = after.getmember(old.name)
            same = ("type", "mode", "uid", "gid", "size", "linkname", "devmajor", "devminor")
            assert [getattr(new, f) for f in same] == [getattr(old, f) for f in same], old.name
            if old.isreg():
                assert after.extractfile(new).read() == before.extractfile(old).read()
        assert after.getmember("usr/tool").pax_headers[f"{XATTR}user.note"] == "yes"
    assert found.entries == len(SAMPLE)


def test_the_digests_are_those_of_the_bytes(tmp_path: Path) -> None:
    source = tar(SAMPLE)
    found = normal(tmp_path, gzip.compress(source))
    packed = found.path.read_bytes()
    assert found.descriptor.digest.hex == hashlib.sha256(packed).hexdigest()
    assert found.descriptor.size == len(packed)
    assert found.diff_id.hex == hashlib.sha256(plain(found)).hexdigest()
    assert found.was.hex == hashlib.sha256(source).hexdigest()
    assert packed[:4] == b"\x1f\x8b\x08\x00" and packed[4:8] == bytes(4)  # no name, no time


@pytest.mark.parametrize(
    ("found", "since", "written"),
    [
        (1000, None, 1000),  # earlier than the epoch: the package's own
        (2000, None, 2000),
        (2001, None, 2000),  # BuildKit's rule
        (1000.75, None, 1000),
        (1500, 1400, 2000),  # made by the build, long before the commit
        (1399, 1400, 1399),
        (CONTEXT, None, 2000),
        (-5, None, -5),
    ],
)
def test_times(tmp_path: Path, found: float, since: int | None, written: int) -> None:
    made = normal(tmp_path, tar([Made("a", mtime=found)]), 2000, since)
    assert members(made)[0].mtime == written


def test_nothing_is_too_late_for_a_moment_that_nobody_knows(tmp_path: Path) -> None:
    entries = [Made("built", mtime=1500), Made("package", mtime=1000)]
    assert [m.mtime for m in members(normal(tmp_path, tar(entries), 0, 1400))] == [0, 1000]
    assert [m.mtime for m in members(normal(tmp_path, tar(entries), 0))] == [0, 0]


def test_a_folder_bears_the_epoch(tmp_path: Path) -> None:
    made = normal(tmp_path, tar([Made("a", "folder", mtime=3)]), 2000)
    assert members(made)[0].mtime == 2000


def test_neither_names_of_owners_nor_other_times_are_kept(tmp_path: Path) -> None:
    noisy = Made("a", uname="root", pax={"atime": "12.5", "ctime": "13.5", "comment": "built by me"})
    assert normal(tmp_path, tar([noisy])).diff_id == normal(tmp_path, tar([Made("a")])).diff_id


def test_the_ways_to_write_the_same_are_one(tmp_path: Path) -> None:
    """GNU's long names, PAX records, ./ in front: the same files."""
    long = "d/" * 80 + "file"
    forms = [tar([Made(long, content=b"1")], form) for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]
    forms.append(tar([Made("./" + long, content=b"1")]))
    forms.append(gzip.compress(forms[0], 1))
    assert len({normal(tmp_path, form).descriptor.digest for form in forms}) == 1


def test_of_hard_links_the_first_has_the_content(tmp_path: Path) -> None:
    one = [Made("z", content=b"same"), Made("a", "link", link="z"), Made("m", "link", link="a")]
    two = [Made("a", content=b"same"), Made("m", "link", link="a"), Made("z", "link", link="m")]
    layers = [normal(tmp_path, tar(entries)) for entries in (one, two)]
    assert layers[0].descriptor == layers[1].descriptor
    assert [(m.name, m.linkname, m.size) for m in members(layers[0])] == [
        ("a", "", 4),
        ("m", "a", 0),
        ("z", "a", 0),
    ]


def test_a_hard_link_to_a_layer_below_stays_one(tmp_path: Path) -> None:
    made = normal(tmp_path, tar([Made("b", "link", link="./below")]))
    assert [(m.name, m.type, m.linkname) for m in members(made)] == [("b", tarfile.LNKTYPE, "below")]


def test_folders_come_before_what_is_in_them(tmp_path: Path) -> None:
    mixed = ["a-b", "a/z", "a", "a.b", "a/b/c", "a/b"]
    made = normal(tmp_path, tar([Made(p, "folder" if p in ("a", "a/b") else "file") for p in mixed]))
    assert [m.name for m in members(made)] == ["a", "a/b", "a/b/c", "a/z", "a-b", "a.b"]


def _broken(position: int, value: bytes) -> bytes:
    """A header with other bytes at a place, its checksum made right again."""
    raw = bytearray(tar([Made("a", content=b"abc")]))
    raw[position : position + len(value)] = value
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    return bytes(raw)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a tar" * 100, "not a tar"),
        (tar([Made("../up")]), "leads out of its root"),
        (tar([Made("a", "link", link="../../etc/shadow")]), "leads out of its root"),
        (tar([Made("a"), Made("./a")]), "twice"),
        (tar([Made("a", "link", link="b"), Made("b", "link", link="a")]), "circle"),
        (tar([Made("d", "folder"), Made("a", "link", link="d")]), "folder"),
        (tar([Made("a", content=b"x" * 5000)])[:2048], "middle of a file"),
        (tar([Made("a" * 5000)]), "path of 5000 bytes"),
        (tar([Made("a", pax={"comment": "x" * 2_000_000})]), "extended header of"),
        (_broken(156, b"S"), "kind 'S'"),
        (_broken(124, b"\xff" * 12), "negative size"),
        (_broken(124, b"\x80" + b"\0" * 3 + b"\x7f" * 8), "middle of a file"),
        (_broken(136, b"99999999999\0"), "not a number"),
        (gzip.compress(tar(SAMPLE))[:-30], "decompressed"),
        (b"\x28\xb5\x2f\xfd" + bytes(100), "decompressed"),
        (zstd(tar(SAMPLE))[:-30], "decompressed"),
    ],
)
def test_what_no_layer_may_hold_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(LayerFault, match=words):
        normal(tmp_path, content)


def test_a_bomb_is_stopped_before_it_fills_the_disk(tmp_path: Path) -> None:
    bomb = gzip.compress(tar([Made("a", content=bytes(20_000_000))]))
    assert len(bomb) < 50_000
    with pytest.raises(LayerFault, match="more than 1000000 bytes"):
        normal(tmp_path, bomb, limits=Limits(plain=1_000_000))
    with pytest.raises(LayerFault, match="more than 1000000 bytes"):
        normal(tmp_path, zstd(tar([Made("a", content=bytes(20_000_000))])), limits=Limits(plain=1_000_000))
    with pytest.raises(LayerFault, match="more than 3 entries"):
        normal(tmp_path, tar([Made(str(n)) for n in range(5)]), limits=Limits(entries=3))


def test_an_extended_header_of_many_records_is_read_in_a_row(tmp_path: Path) -> None:
    many = {f"{XATTR}user.{n:05}": "v" for n in range(20_000)}
    made = normal(tmp_path, tar([Made("a", pax=many)]))
    assert len([k for k in members(made)[0].pax_headers if k.startswith(XATTR)]) == 20_000


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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(entries=_entries, seed=st.integers())
def test_order_and_the_moment_of_the_build_make_no_difference(
    tmp_path: Path, entries: list[Made], seed: int
) -> None:
    later = [
        Made(
            e.path,
            e.kind,
            e.content,
            e.mode,
            e.uid,
            e.gid,
            e.mtime + 500 if e.mtime > 1500 else e.mtime,
            e.link,
        )
        for e in entries
    ]
    random.Random(seed).shuffle(later)
    first, second = (normal(tmp_path, tar(some), 3000, 1501) for some in (entries, later))
    assert first.descriptor == second.descriptor
    again = normal(tmp_path, first.path.read_bytes(), 3000, 1501)
    assert (again.descriptor, again.diff_id, again.was) == (first.descriptor, first.diff_id, first.diff_id)
