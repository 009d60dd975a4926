"""Layers that are damaged, hostile or written strangely: refused in one sentence, or read as tar reads them."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Callable

import pytest

from pipeline.oci.layer import LayerFault, LayerLimits

from .layers import XATTR, Made, tar, zstd
from .test_layer import SAMPLE, listed

ZSTD_OF_256_MIB = b"\x28\xb5\x2f\xfd\x00" + bytes([18 << 3]) + b"\x01\x00\x00"
"""A frame (RFC 8878, 3.1.1.1.2) that holds nothing and wants a window of 2**28 bytes for it."""


def _broken(position: int, value: bytes) -> bytes:
    """A header with other bytes at a place, its checksum made right again."""
    raw = bytearray(tar([Made("a", content=b"abc")]))
    raw[position : position + len(value)] = value
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    return bytes(raw)


def _record(text: bytes) -> bytes:
    """A PAX record `KEY=VALUE` with its length in front, which counts itself."""
    size = next(n for n in range(len(text), len(text) + 20) if n == len(b"%d %s\n" % (n, text)))
    return b"%d %s\n" % (size, text)


def _header(content: bytes, kind: bytes) -> bytes:
    """An extended header with this content."""
    raw = bytearray(tar([Made("h", content=content)]))
    raw[156:157] = kind
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    return bytes(raw[: 512 + len(content) + -len(content) % 512])


def _extended(records: bytes, kind: bytes = b"x") -> bytes:
    """An archive that begins with an extended header of these bytes."""
    return _header(records, kind) + tar([Made("a")])


def _headers(*headers: tuple[bytes, bytes]) -> bytes:
    """An archive that begins with extended headers, each with one field, which it sets to 1."""
    made = [(_record(field + b"=1") if kind in b"xg" else b"1\0", kind) for kind, field in headers]
    return b"".join(_header(content, kind) for content, kind in made) + tar([Made("a")])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a tar" * 100, "not a tar"),
        (tar([Made("../up")]), "leads out of its root"),
        (tar([Made("a/../../up")]), "leads out of its root"),
        (_extended(_record(b"path=../up")), "leads out of its root"),
        (_extended(_record(b"path=a\0b")), "leads out of its root"),
        (tar([Made("a", "link", link="../../etc/shadow")]), "leads out of its root"),
        (tar([Made("a", content=b"x" * 5000)])[:2048], "middle of a file"),
        (tar([Made("a")])[:300], "middle of a header"),
        (tar([Made("a" * 5000)]), "path of 5000 bytes"),
        (tar([Made("a" * 5000)], tarfile.GNU_FORMAT), "path of 5000 bytes"),
        (tar([Made("a", "symlink", link="b" * 5000)]), "path of 5000 bytes"),
        (tar([Made("a", pax={"comment": "x" * 2_000_000})]), "extended header of"),
        (tar([Made("a", pax={"comment": "x" * 5000})])[:1024], "middle of an extended header"),
        (_extended(b"99 path=a\n"), "invalid extended header"),
        (_extended(b"0 path=a\n"), "invalid extended header"),
        (_extended(b"-9 path=a\n"), "invalid extended header"),
        (_extended(b"9" * 600), "invalid extended header"),
        (_extended(_record(b"size=x")), "size"),
        (_extended(_record(b"size=-1")), "invalid extended header: size"),
        (_extended(_record(b"mtime=x")), "mtime"),
        (_extended(_record(b"mtime=nan")), "mtime"),
        (_extended(_record(b"mtime=1e999")), "mtime"),
        (_extended(_record(b"path=abc"), b"g"), "global records"),
        (_extended(_record(b"GNU.sparse.major=1")), "sparse"),
        (_headers((b"x", b"path"), (b"L", b"path")), "two extended headers with 'path'"),
        (_headers((b"L", b"path"), (b"x", b"path")), "two extended headers with 'path'"),
        (_headers((b"K", b"linkpath"), (b"x", b"linkpath")), "two extended headers with 'linkpath'"),
        (_headers((b"x", b"mtime"), (b"x", b"path")), "several extended headers for one entry: 'xx'"),
        (_headers((b"L", b"path"), (b"L", b"path")), "several extended headers for one entry: 'LL'"),
        (_headers((b"x", b"path"), (b"g", b"comment")), "several extended headers for one entry: 'xg'"),
        (_extended(_record(b"path=a/") + _record(b"size=3")), "folder with content: 'a'"),
        (_broken(156, b"S"), "type 'S'"),
        (_broken(156, b"V"), "type 'V'"),
        (_broken(124, b"\xff" * 12), "negative size"),
        (_broken(124, b"\x80" + b"\0" * 3 + b"\x7f" * 8), "middle of a file"),
        (_broken(136, b"99999999999\0"), "not a number"),
        (tar([Made("a")])[:100] + b"1" + tar([Made("a")])[101:], "checksum"),
        (gzip.compress(tar(SAMPLE), mtime=0)[:-30], "decompressed"),
        (gzip.compress(tar(SAMPLE), mtime=0)[:-8] + bytes(8), "decompressed"),
        (b"\x1f\x8b" + bytes(100), "decompressed"),
        (b"\x28\xb5\x2f\xfd" + bytes(100), "decompressed"),
        (zstd(tar(SAMPLE))[:-30], "decompressed"),
        (ZSTD_OF_256_MIB, "decompressed"),
    ],
)
def test_what_no_layer_may_hold_is_refused_in_one_sentence(content: bytes, message: str) -> None:
    with pytest.raises(LayerFault, match=message) as raised:
        listed(content)
    assert len(raised.value.message) < 400 and "\n" not in raised.value.message


@pytest.mark.parametrize("field", ["path", "linkpath", "size", "uid", "mtime"])
def test_an_empty_record_leaves_what_the_header_says(field: str) -> None:
    """POSIX.1-2017 pax deletes the header's own field too; Go's archive/tar, which unpacks layers, keeps it."""
    record = _record(f"{field}=".encode())
    assert listed(_extended(record)) == listed(tar([Made("a")]))
    assert listed(_extended(_record(f"{field}=7".encode()) + record)) == listed(tar([Made("a")]))


def test_what_follows_the_records_in_their_last_block_is_not_read() -> None:
    """The length of an extended header ends it; Python's tarfile reads on to the end of the block."""
    first, second = _record(b"mtime=1"), _record(b"path=smuggled")
    raw = bytearray(_extended(first + bytes(len(second))))
    raw[124:136] = b"%011o\0" % len(first)
    raw[512 + len(first) : 512 + len(first) + len(second)] = second
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    assert list(listed(bytes(raw))) == ["a"]


def test_names_of_gnu_and_attributes_of_pax_go_together() -> None:
    content = _headers((b"L", b"path"), (b"x", b"mtime"))
    assert [(path, one.entry.mtime) for path, one in listed(content).items()] == [("1", 10**9)]


def test_global_records_that_say_nothing_of_files_are_skipped() -> None:
    """git archive writes the commit in one."""
    assert listed(_extended(_record(b"comment=0123abc"), b"g")) == listed(tar([Made("a")]))


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_bomb_is_stopped_before_it_costs_much(pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(tar([Made("a", content=bytes(20_000_000))]))
    assert len(bomb) < 50_000
    with pytest.raises(LayerFault, match="more than 1000000 bytes"):
        listed(bomb, LayerLimits(decompressed=1_000_000))
    behind = pack(tar([Made("a")]) + bytes(20_000_000))
    with pytest.raises(LayerFault, match="more than 1000000 bytes"):
        listed(behind, LayerLimits(decompressed=1_000_000))


def test_entries_are_counted_extended_headers_too() -> None:
    with pytest.raises(LayerFault, match="more than 3 entries"):
        listed(tar([Made(str(n)) for n in range(5)]), LayerLimits(entries=3))
    noted = tar([Made("a", pax={"comment": "x"}), Made("b", pax={"comment": "y"})])
    with pytest.raises(LayerFault, match="more than 3 entries"):
        listed(noted, LayerLimits(entries=3))
    assert len(listed(tar([Made(str(n)) for n in range(3)]), LayerLimits(entries=3))) == 3


def test_an_extended_header_of_many_records_is_read_in_a_row() -> None:
    many = {f"{XATTR}user.{n:05}": "v" for n in range(20_000)}
    assert len(listed(tar([Made("a", pax=many)]))["a"].entry.records) == 20_000
