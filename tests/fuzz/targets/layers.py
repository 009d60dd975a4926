"""Layers: tar streams with any compression."""

from __future__ import annotations

import gzip
import io
import tarfile
from contextlib import suppress
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from pipeline.oci.compare.listing import listing_differences, read_listing
from pipeline.oci.compare.tree import flatten
from pipeline.oci.layer import LayerLimits
from tests.fuzz.hostile import changed_bytes
from tests.fuzz.target import Target
from tests.oci.layers import XATTR, Made, tar, zstd

_LIMITS = LayerLimits(decompressed=16 * 1024**2, entries=20_000, header=64 * 1024)
_ENTRIES = [
    Made("etc", "folder", mode=0o755),
    Made("etc/hosts", content=b"127.0.0.1\n", pax={XATTR + "user.x": "y", "mtime": "1.5", "uid": "77"}),
    Made("etc/link", "symlink", link="hosts"),
    Made("etc/hard", "link", link="etc/hosts"),
    Made("null", "character", device=(1, 3)),
    Made("p", "pipe"),
    Made(".wh.gone", content=b""),
    Made("etc/.wh..wh..opq", content=b""),
    Made("a/" * 60 + "long", content=b"x" * 600),
]
_TARS = [
    tar(_ENTRIES),
    tar(_ENTRIES, tarfile.GNU_FORMAT),
    tar(_ENTRIES[:4], tarfile.USTAR_FORMAT),
    tar(_ENTRIES[1:2]),
]
_FIELDS = {
    "name": (0, 100),
    "mode": (100, 8),
    "uid": (108, 8),
    "gid": (116, 8),
    "size": (124, 12),
    "mtime": (136, 12),
    "typeflag": (156, 1),
    "linkname": (157, 100),
    "magic": (257, 8),
    "devmajor": (329, 8),
    "devminor": (337, 8),
    "prefix": (345, 155),
}
_VALUES = [
    *(
        b"",
        b"\0",
        b"0",
        b"7777777",
        b"77777777777",
        b"-1",
        b"+1",
        b"0x1",
        b" 12 ",
        b"9",
        b"\x80" + b"\0" * 6 + b"\x01",
    ),
    *(
        b"\xff" * 12,
        b"\x80" + b"\xff" * 11,
        b"\xc0" + b"\0" * 11,
        b"../../x",
        b"/",
        b"/etc/passwd",
        b".",
        b"..",
        b"a/../../b",
    ),
    *(
        b"\xff\xfe",
        b"x" * 155,
        b"ustar  \0",
        b"ustar\x0000",
        b"S",
        b"x",
        b"g",
        b"L",
        b"K",
        b"1",
        b"2",
        b"5",
        b"D",
        b"V",
        b"\x80",
    ),
    *(b".wh.", b".wh...", b".wh..wh..opq", b"a\nb", b"etc/hosts"),
]
_RECORDS = [
    *(
        b"size=9",
        b"size=-1",
        b"size=99999999999999999999",
        b"size=",
        b"mtime=1e99",
        b"mtime=NaN",
        b"mtime=-0.1",
        b"uid=x",
    ),
    *(
        b"path=../../x",
        b"path=" + b"y" * 5000,
        b"linkpath=/",
        b"GNU.sparse.map=1",
        b"GNU.sparse.major=1",
        b"path=a\0b",
        b"=",
        b"x",
    ),
    *(
        b"SCHILY.xattr.a=b=c",
        b"\xff\xfe=1",
        b"hdrcharset=BINARY",
        b"mtime=\xd9\xa3",
        b"size=\xb2",
        b"mtime=1_0",
        b"mtime=" + b"9" * 39,
    ),
]


@st.composite
def _changed_tar(draw: DrawFn) -> bytes:
    """A tar with fields of its headers changed, checksums right again, and extended headers put in."""
    content = bytearray(draw(st.sampled_from(_TARS)))
    for _ in range(draw(st.integers(0, 4))):
        headers = [at for at in range(0, len(content) - 511, 512) if content[at + 257 : at + 262] == b"ustar"]
        if not headers:
            break
        at = draw(st.sampled_from(headers))
        if draw(st.integers(0, 2)) == 0:
            content[at:at] = _extended(draw)
            continue
        start, length = _FIELDS[draw(st.sampled_from(sorted(_FIELDS)))]
        value = draw(st.sampled_from(_VALUES) | st.binary(max_size=length))[:length]
        content[at + start : at + start + length] = value.ljust(length, b"\0")
        content[at : at + 512] = _summed(content[at : at + 512])
    return bytes(content)


def _extended(draw: DrawFn) -> bytes:
    """An extended header: with records of the right length, of the wrong one, or a long name."""
    records = draw(st.lists(st.sampled_from(_RECORDS) | st.binary(max_size=12), min_size=1, max_size=3))
    body = b"".join(_record(record, draw(st.sampled_from([0, 0, 0, 1, -1, 10**6]))) for record in records)
    header = tarfile.TarInfo("PaxHeader")
    header.type = draw(st.sampled_from([b"x", b"x", b"x", b"g", b"L", b"K"]))
    header.size = len(body)
    raw = header.tobuf(tarfile.USTAR_FORMAT)
    return raw + body + bytes(-len(body) % 512)


def _record(record: bytes, wrong: int) -> bytes:
    length = len(record) + 2
    length += len(str(length + len(str(length))))
    return str(length + wrong).encode() + b" " + record + b"\n"


def _summed(header: bytearray) -> bytes:
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def _packed(content: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(content, 1, mtime=0)
    if how == "two":
        return gzip.compress(content[:700], 1, mtime=0) + gzip.compress(content[700:], 1, mtime=0)
    if how == "zeros":
        return gzip.compress(content + bytes(20 * 1024**2), 9, mtime=0)
    return zstd(content) if how == "zstd" else content


def read_layer(content: bytes, folder: Path) -> None:
    """A layer: its listing, and two of them on top of each other."""
    file = folder / "layer"
    file.write_bytes(content)
    listing = read_listing(file, _LIMITS)
    for path, listed in listing.items():
        assert path == listed.entry.path and ".." not in path.split("/") and not path.startswith("/")
    tree = flatten([listing, listing])
    assert not list(listing_differences("layer", listing, listing))
    list(listing_differences("tree", listing, tree))
    if content[:2] not in (b"\x1f\x8b", b"\x28\xb5"):
        _same_names(content, [listed.entry.path for listed in listing.values()])


def _same_names(content: bytes, names: list[str]) -> None:
    """Python's tarfile, where it reads the whole archive, sees the same names. (It joins what it takes for a prefix in
    GNU's headers, which have none, takes an empty record for an empty name, and reads an extended header on to the end
    of its last block.)"""
    if b"ustar  \0" in content or b"path=\n" in content or _has_more_in_its_block(content):
        return
    try:
        with tarfile.open(fileobj=io.BytesIO(content), errorlevel=2) as archive:
            theirs = {"/".join(p for p in member.name.split("/") if p not in ("", ".")) for member in archive}
    except Exception:
        return
    if all(name.isascii() and "\0" not in name and "\n" not in name for name in theirs):
        assert theirs <= set(names) | {""}, (sorted(theirs), sorted(names))


def _has_more_in_its_block(content: bytes) -> bool:
    """Whether something follows an extended header in its last block."""
    for at in range(0, len(content) - 511, 512):
        header = content[at : at + 512]
        if header[257:262] == b"ustar" and header[156:157] in (b"x", b"g"):
            with suppress(tarfile.HeaderError):
                end = at + 512 + tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape").size
                if any(content[end : end + -end % 512]):
                    return True
    return False


_plain = _changed_tar()
TARGETS = (
    Target(
        "layers",
        st.builds(_packed, _plain, st.sampled_from(["", "", "", "gzip", "zstd", "two"]))
        | changed_bytes(
            [*_TARS, gzip.compress(_TARS[0], mtime=0), zstd(_TARS[1]), _packed(_TARS[3], "zeros")]
        ),
        read_layer,
        examples=200,
    ),
)
