"""OCI image layouts: a directory with `oci-layout`, `index.json` and `blobs/` (image-spec v1.1, image-layout.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import anyio

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import MANIFEST_TYPES, OCI_INDEX
from pipeline.model.manifest import Manifest, load_json
from pipeline.util.canonical_json import compact
from pipeline.util.files import replace_file, replacing

from .verify import Verifier

REF_NAME = "org.opencontainers.image.ref.name"
_INDEX_LIMIT = 16 * 1024 * 1024
_MANIFEST_LIMIT = 4 * 1024 * 1024
_PIECE = 256 * 1024


class Layout:
    """A layout on disk, to read from and to write into. It is a `Source` of copies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, folder: Path) -> Layout:
        """Make an empty layout, or take the one that is there."""
        (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        if not (folder / "oci-layout").exists():
            (folder / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0"}')
        layout = cls(folder)
        if not (folder / "index.json").exists():
            layout._write_index([])
        return layout

    @property
    def repository(self) -> Repository | None:
        """None: nothing can be mounted from a directory."""
        return None

    def entries(self) -> tuple[Descriptor, ...]:
        """What `index.json` lists, in its order. Raises RegistryError if this is not a layout."""
        try:
            version = load_json(self._small(self.folder / "oci-layout", 4096)).get("imageLayoutVersion")
            index = load_json(self._small(self.folder / "index.json", _INDEX_LIMIT))
            if version != "1.0.0":
                raise ValueError(f"imageLayoutVersion {version!r}")
            return tuple(Descriptor.from_oci(entry) for entry in index["manifests"])
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as fault:
            said = fault.strerror if isinstance(fault, OSError) and fault.strerror else fault
            raise RegistryError(
                f"{self.folder} is not an OCI image layout: {said}",
                hint="name a folder with oci-layout and index.json: what `tar -xf image.tar` gives of an export",
            ) from fault

    def resolve(self, name: str | None = None) -> Descriptor:
        """The entry with this reference name, or the only image beside what refers to it.

        Raises RegistryError if that is not one.
        """
        every = [d for d in self.entries() if d.media_type in MANIFEST_TYPES]
        found = [d for d in every if name in (None, d.annotations.get(REF_NAME))]
        if len({d.digest for d in found}) > 1:
            found = [d for d in found if self._read(d.digest).subject is None]
        if len({d.digest for d in found}) != 1:
            what = f"{name!r}" if name else "a single image"
            names = ", ".join(sorted(d.annotations.get(REF_NAME, str(d.digest)) for d in every)) or "nothing"
            raise RegistryError(f"{self.folder} does not hold {what}", hint=f"it holds: {names}")
        return found[0]

    async def manifest(self, digest: Digest) -> Manifest:
        """A manifest, verified; raises RegistryError if it is missing or wrong."""
        return self._read(digest)

    def _read(self, digest: Digest) -> Manifest:
        try:
            raw = self._small(self._path(digest), _MANIFEST_LIMIT)
        except (OSError, ValueError) as fault:
            raise RegistryError(f"{self.folder} holds no manifest {digest}: {fault}") from fault
        check = Verifier(Descriptor("", digest, len(raw)), str(self.folder))
        check.update(raw)
        check.finish()
        try:
            return Manifest.parse(raw, algorithm=digest.algorithm)
        except ValueError as fault:
            raise RegistryError(f"the manifest {digest} in {self.folder} cannot be read: {fault}") from fault

    async def stream(self, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """A blob, verified; the last piece comes only after size and digest are found right."""
        check, held = Verifier(descriptor, str(self.folder)), b""
        try:
            async with await anyio.open_file(self._path(descriptor.digest), "rb") as file:
                while part := await file.read(_PIECE):
                    check.update(part)
                    if held:
                        yield held
                    held = part
        except OSError as fault:
            raise RegistryError(
                f"{self.folder} holds no blob {descriptor.digest}: {fault.strerror}",
                hint="the layout is incomplete; write it again",
            ) from fault
        check.finish()
        if held:
            yield held

    def file(self, descriptor: Descriptor) -> Path | None:
        """The blob's file, if it has the described size."""
        path = self._path(descriptor.digest)
        try:
            return path if path.stat().st_size == descriptor.size else None
        except OSError:
            return None

    async def lacks(self, digest: Digest) -> bool:
        """Whether there is no such blob."""
        return not self._path(digest).exists()

    async def referrers(self, digests: Sequence[Digest]) -> dict[Digest, list[Descriptor]]:
        """The entries of `index.json` whose subject is one of these."""
        out: dict[Digest, dict[Digest, Descriptor]] = {digest: {} for digest in digests}
        for entry in self.entries():
            if entry.media_type in MANIFEST_TYPES:
                manifest = await self.manifest(entry.digest)
                if manifest.subject and manifest.subject.digest in out:
                    out[manifest.subject.digest][entry.digest] = manifest.as_referrer()
        return {digest: [found[d] for d in sorted(found)] for digest, found in out.items()}

    async def attached_tags(self, digests: Sequence[Digest]) -> list[tuple[str, Manifest]]:
        """None: a layout keeps referrers."""
        return []

    def put(self, content: bytes, media_type: str) -> Descriptor:
        """Write some content as a blob; nothing half-written is ever seen."""
        descriptor = Descriptor.of(content, media_type)
        target = self._path(descriptor.digest)
        if not target.exists():
            replace_file(target, content)
        return descriptor

    async def put_stream(self, descriptor: Descriptor, pieces: AsyncIterator[bytes]) -> None:
        """Write a blob from a stream; raises RegistryError, and keeps nothing, if it is not the described one."""
        target = self._path(descriptor.digest)
        if target.exists() and target.stat().st_size == descriptor.size:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        check = Verifier(descriptor, str(self.folder))
        with replacing(target) as part:
            async with await anyio.open_file(part, "wb") as file:
                async for piece in pieces:
                    check.update(piece)
                    await file.write(piece)
            check.finish()

    def add(self, *entries: Descriptor) -> None:
        """List entries in `index.json`; an entry of the same name, or of the same digest if unnamed, is replaced."""
        new = {_key(d): d for d in entries}
        kept = [d for d in self.entries() if _key(d) not in new]
        self._write_index([*kept, *new.values()])

    def _write_index(self, entries: Iterable[Descriptor]) -> None:
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [d.to_oci() for d in entries]}
        replace_file(self.folder / "index.json", compact(index))

    def _path(self, digest: Digest) -> Path:
        return self.folder / "blobs" / digest.algorithm / digest.hex

    @staticmethod
    def _small(path: Path, limit: int) -> bytes:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
        if len(raw) > limit:
            raise ValueError(f"{path.name} is larger than {limit} bytes")
        return raw


def _key(entry: Descriptor) -> str:
    return entry.annotations.get(REF_NAME) or str(entry.digest)
