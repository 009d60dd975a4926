"""OCI image layouts: a folder that somebody hands over."""

from __future__ import annotations

from pathlib import Path

import anyio
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from pipeline.errors import LockageError
from pipeline.model import Digest
from pipeline.oci.compare import Image, compare
from pipeline.oci.layout import Layout
from tests.fuzz.documents import filled, joined, split
from tests.fuzz.hostile import changed_trees, encoded, to_bytes
from tests.fuzz.images import DOCUMENTS, REF_NAME, changed_documents, descriptor
from tests.fuzz.target import Target

_INDEX = {
    "schemaVersion": 2,
    "manifests": [
        descriptor("index", DOCUMENTS["index"]["mediaType"], annotations={REF_NAME: "latest"}),
        descriptor("referrer", DOCUMENTS["manifest"]["mediaType"]),
    ],
}
_MARKER = {"imageLayoutVersion": "1.0.0"}


@st.composite
def _layouts(draw: DrawFn) -> bytes:
    parts = draw(changed_documents())
    index = draw(st.just(_INDEX) | changed_trees([_INDEX], ["artifactType", "platform"]))
    marker = draw(st.just(_MARKER) | st.just(_MARKER) | changed_trees([_MARKER]))
    parts += [("index.json", to_bytes(encoded(index))), ("oci-layout", to_bytes(encoded(marker)))]
    return joined(parts)


def read_layout(content: bytes, folder: Path) -> None:
    """A layout: its entries, image, referrers, and its comparison with what it holds besides."""
    documents = filled(dict(split(content)))
    index, marker = documents.pop("index.json", b""), documents.pop("oci-layout", b"")
    blobs = folder / "layout" / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for text in documents.values():
        (blobs / Digest.of(text).hex).write_bytes(text)
    (folder / "layout" / "index.json").write_bytes(index)
    (folder / "layout" / "oci-layout").write_bytes(marker)
    anyio.run(_read, Layout(folder / "layout"), folder / "scratch")


async def _read(layout: Layout, scratch: Path) -> None:
    entries = layout.entries()
    found = []
    for name in (None, "latest"):
        try:
            found.append(layout.resolve(name).digest)
        except LockageError:
            continue
    await layout.referrers([entry.digest for entry in entries])
    for entry in entries:
        for digest in found:
            before, after = Image(layout, entry.digest, "before"), Image(layout, digest, "after")
            (await compare(before, after, scratch)).to_json()


TARGETS = (Target("layouts", _layouts(), read_layout, examples=80),)
