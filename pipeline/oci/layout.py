"""OCI image layouts: a directory with `oci-layout`, `index.json` and `blobs/` (image-spec v1.1, image-layout.md)."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import anyio
import anyio.to_thread

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import MANIFEST_TYPES
from pipeline.model.limits import MANIFEST_BYTES, MANIFEST_ENTRIES
from pipeline.model.manifest import Manifest, load_json
from pipeline.util.files import replace_file, replacing
from pipeline.util.sizes import size_text

from . import layout_files
from .image_tree import TreeReader
from .index import encode_index
from .limits import LAYOUT_INDEX_BYTES
from .source import ReferrerList
from .verify import Verifier, verify_content

REF_NAME = "org.opencontainers.image.ref.name"
FULL_NAME = "io.containerd.image.name"
"""What containerd, Docker and podman call an image that they load."""
_VERSION_BYTES = 4096
_CHUNK = 256 * 1024
_SHOWN_NAMES = 10
_INCOMPLETE = "the layout is incomplete; write it again"


class Layout:
    """A layout on disk, to read and to write. It is a `ContentSource`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, folder: Path) -> Layout:
        """Create an empty layout, or open the existing one."""
        (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        if not (folder / "oci-layout").exists():
            (folder / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0"}')
        layout = cls(folder)
        if not (folder / "index.json").exists():
            layout._write_index([])
        return layout

    @property
    def repository(self) -> Repository | None:
        """None: blobs cannot be mounted from a directory."""
        return None

    def entries(self) -> tuple[Descriptor, ...]:
        """The entries of `index.json`, in its order. Raises RegistryError if this is not a layout."""
        try:
            version = load_json(self._read_bounded(_VERSION_BYTES, "oci-layout")).get("imageLayoutVersion")
            index = load_json(self._read_bounded(LAYOUT_INDEX_BYTES, "index.json"))
            if version != "1.0.0":
                raise ValueError(f"imageLayoutVersion {version!r}")
            if len(index["manifests"]) > MANIFEST_ENTRIES:
                raise ValueError(f"index.json has more than {MANIFEST_ENTRIES} entries")
            return tuple(Descriptor.from_oci(entry) for entry in index["manifests"])
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as fault:
            problem = fault.strerror if isinstance(fault, OSError) and fault.strerror else fault
            raise RegistryError(
                f"{self.folder} is not an OCI image layout: {problem}",
                hint="name a folder with oci-layout and index.json, such as an unpacked image.tar of an export",
            ) from fault

    def resolve(self, name: str | None = None) -> Descriptor:
        """The entry with this reference name, or the only image beside its referrers.

        Raises RegistryError if there is none, or more than one.
        """
        manifests = [d for d in self.entries() if d.media_type in MANIFEST_TYPES]
        matching = [d for d in manifests if name in (None, d.annotations.get(REF_NAME))]
        if len({d.digest for d in matching}) > 1:
            matching = [d for d in matching if self._read(d.digest).subject is None]
        if len({d.digest for d in matching}) != 1:
            wanted = f"{name!r}" if name else "a single image"
            names = sorted(d.annotations.get(REF_NAME, str(d.digest))[:200] for d in manifests)
            shown = ", ".join(names[:_SHOWN_NAMES]) + (" and others" if names[_SHOWN_NAMES:] else "")
            raise RegistryError(
                f"{self.folder} does not hold {wanted}", hint=f"it holds: {shown or 'nothing'}"
            )
        return matching[0]

    async def manifest(self, digest: Digest) -> Manifest:
        """A manifest, verified; raises RegistryError if it is missing or corrupt."""
        return self._read(digest)

    def _read(self, digest: Digest) -> Manifest:
        try:
            raw = self._read_bounded(MANIFEST_BYTES, *_parts(digest))
        except (OSError, ValueError) as fault:
            problem = fault.strerror if isinstance(fault, OSError) else fault
            raise RegistryError(
                f"{self.folder} holds no manifest {digest}: {problem}", hint=_INCOMPLETE
            ) from fault
        verify_content(raw, digest, f"the manifest {digest} in {self.folder}")
        try:
            return Manifest.parse(raw, algorithm=digest.algorithm)
        except ValueError as fault:
            raise RegistryError(f"the manifest {digest} in {self.folder} is invalid: {fault}") from fault

    async def stream(self, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """A blob in chunks; the last one comes only after size and digest are verified."""
        verifier, held = self._verifier(descriptor), b""
        try:
            opened = layout_files.open_file(self.folder, *_parts(descriptor.digest))
            async with anyio.wrap_file(opened) as file:
                while chunk := await file.read(_CHUNK):
                    verifier.update(chunk)
                    if held:
                        yield held
                    held = chunk
        except OSError as fault:
            raise RegistryError(
                f"{self.folder} holds no blob {descriptor.digest}: {fault.strerror}",
                hint=_INCOMPLETE,
            ) from fault
        verifier.finish()
        if held:
            yield held

    async def check(self, digest: Digest) -> None:
        """Read an image with everything below it, so that each byte is verified. Raises RegistryError for what is
        missing or corrupt; layers that are not distributed need not be there."""
        tree = await TreeReader(self.manifest).tree(self._read(digest))
        for blob in tree.blobs:
            if blob.is_distributed or self._size(blob.digest) is not None:
                async for _ in self.stream(blob):
                    pass

    def file(self, descriptor: Descriptor) -> Path | None:
        """The file of the blob, if it has the described size."""
        return self._path(descriptor.digest) if self._size(descriptor.digest) == descriptor.size else None

    async def lacks(self, digest: Digest) -> bool:
        """Whether there is no such blob."""
        return not self._path(digest).exists()

    async def referrers(self, digests: Sequence[Digest]) -> dict[Digest, ReferrerList]:
        """The entries of `index.json` whose subject is one of these, in digest order."""
        lists = {digest: ReferrerList(()) for digest in digests}
        for entry in self.entries():
            if entry.media_type not in MANIFEST_TYPES:
                continue
            try:
                manifest = await self.manifest(entry.digest)
            except RegistryError as fault:
                unusable = ReferrerList((), (f"{entry.digest}: {fault.message}",))
                lists.update((digest, lists[digest].joined(unusable)) for digest in digests[:1])
                continue
            subject = manifest.subject
            if subject and subject.digest in lists:
                referrer = ReferrerList((manifest.as_referrer(),))
                lists[subject.digest] = lists[subject.digest].joined(referrer)
        return lists

    async def attached_tags(self, digests: Sequence[Digest]) -> list[tuple[str, Manifest | str]]:
        """None: a layout lists referrers."""
        return []

    def put(self, content: bytes, media_type: str) -> Descriptor:
        """Write content as a blob, whole or not at all."""
        descriptor = Descriptor.of(content, media_type)
        if self._size(descriptor.digest) is None:
            replace_file(self._path(descriptor.digest), content)
        return descriptor

    async def put_stream(self, descriptor: Descriptor, chunks: AsyncIterator[bytes]) -> None:
        """Write a blob from a stream; raises CorruptContent, and keeps nothing, if it does not match its descriptor."""
        target = self._path(descriptor.digest)
        if self._size(descriptor.digest) == descriptor.size:
            return
        verifier = self._verifier(descriptor)
        with replacing(target) as file:
            async for chunk in chunks:
                verifier.update(chunk)
                await anyio.to_thread.run_sync(file.write, chunk)
            verifier.finish()

    def add(self, *entries: Descriptor) -> None:
        """Add entries to `index.json`; an entry of the same name, or without names of the same digest, is replaced."""
        new = {_key(d): d for d in entries}
        others = [d for d in self.entries() if _key(d) not in new]
        self._write_index([*others, *new.values()])

    def _write_index(self, entries: Iterable[Descriptor]) -> None:
        replace_file(self.folder / "index.json", encode_index(entries))

    def _verifier(self, descriptor: Descriptor) -> Verifier:
        return Verifier(descriptor.digest, descriptor.size, f"the blob {descriptor.digest} in {self.folder}")

    def _path(self, digest: Digest) -> Path:
        return self.folder.joinpath(*_parts(digest))

    def _size(self, digest: Digest) -> int | None:
        return layout_files.size_of(self.folder, *_parts(digest))

    def _read_bounded(self, limit: int, *parts: str) -> bytes:
        with io.BufferedReader(layout_files.open_file(self.folder, *parts)) as file:
            raw = file.read(limit + 1)
        if len(raw) > limit:
            raise ValueError(f"{parts[-1]} is larger than {size_text(limit)}")
        return raw


def _parts(digest: Digest) -> tuple[str, str, str]:
    return "blobs", digest.algorithm, digest.hex


def _key(entry: Descriptor) -> str:
    return entry.annotations.get(REF_NAME) or str(entry.digest)
