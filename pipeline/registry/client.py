"""`Registry`: the asynchronous OCI client as the rest of the program sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Reference, Repository
from pipeline.model.manifest import Manifest
from pipeline.oci.source import ContentSource

from . import listing, manifests, referrers
from .auth.access import Access
from .auth.challenge import push
from .blobs import read as blobs
from .blobs import write as uploads
from .blobs.content import Content
from .cache import SeenContent
from .copy.image import Copy, CopyResult
from .copy.source import RepositorySource
from .http.call import Request
from .http.settings import ClientSettings
from .http.stats import Stats
from .http.transport import Transport

AGENT = "lockage"


class Registry:
    """All registries through one session, used as `async with Registry(access) as registry`.

    Every method raises RegistryError for what a registry refuses, breaks or gets wrong, after the tries that
    `ClientSettings` allow. Content is checked against its digest whatever the registry says.
    """

    def __init__(self, access: Access | None = None, settings: ClientSettings | None = None) -> None:
        self._transport = Transport(access or Access(), settings or ClientSettings(), AGENT)
        self._known = SeenContent()
        self._fallback = referrers.Fallback(self._transport)

    async def __aenter__(self) -> Registry:
        await self._transport.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.stop()

    @property
    def stats(self) -> Stats:
        """Requests and bytes so far."""
        return self._transport.meter.read()

    @property
    def access(self) -> Access:
        """How registries are reached."""
        return self._transport.access

    async def ping(self, host: str) -> None:
        """One GET of `/v2/`, with the credentials there are; raises RegistryError if that is not answered."""
        await self._transport.call(Request("GET", host, "/v2/", "greeting", host))

    async def head(self, ref: Reference) -> Descriptor | None:
        """What a reference stands for, or None; by one HEAD."""
        return await manifests.head(self._transport, ref)

    async def get_manifest(self, ref: Reference) -> Manifest | None:
        """The manifest a reference stands for, or None; by one GET."""
        manifest = await manifests.get(self._transport, ref)
        if manifest is not None:
            self._known.keep(manifest)
        return manifest

    async def put_manifest(
        self, repo: Repository, raw: bytes, media_type: str, *, tag: str | None = None
    ) -> Descriptor:
        """Write a manifest by tag, or by its digest. With a subject, it is among the referrers afterwards:
        by the registry's own doing (`OCI-Subject`), else by the fallback tag."""
        try:
            manifest = Manifest.parse(raw, media_type)
        except ValueError as fault:
            raise RegistryError(f"a manifest for {repo} cannot be written: {fault}") from fault
        stored = await manifests.put(self._transport, repo, manifest, tag)
        self._known.keep(manifest)
        self._known.add(repo, manifest.digest)
        if not stored.subject_noted and manifest.subject:
            await self._fallback.add(repo, manifest.subject.digest, [manifest.as_referrer()])
        return stored.descriptor

    async def has_blob(self, repo: Repository, digest: Digest) -> bool:
        """Whether a repository holds a blob; by one HEAD."""
        return await blobs.has(self._transport, repo, digest)

    async def blob(self, repo: Repository, descriptor: Descriptor) -> bytes:
        """A whole blob, at most `ClientSettings.blob_bytes`."""
        return await blobs.read(self._transport, repo, descriptor)

    def stream_blob(self, repo: Repository, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """A blob piece by piece; the last piece comes only after size and digest are found right."""
        return blobs.stream(self._transport, repo, descriptor)

    async def put_blob(
        self,
        repo: Repository,
        content: Content,
        descriptor: Descriptor | None = None,
        *,
        source: Repository | None = None,
    ) -> Descriptor:
        """Write a blob, unless it is there or can be mounted from `source`. For bytes the descriptor may be left out.

        A file, or a function that opens a stream, is sent in constant memory. What this client has put there
        before is not sent again.
        """
        if descriptor is None:
            if not isinstance(content, bytes):
                raise TypeError("a file or a stream needs its descriptor")
            descriptor = Descriptor.of(content, "application/octet-stream")
        what = descriptor

        async def write() -> None:
            await uploads.put(self._transport, repo, content, what, source)

        await self._known.once(repo, descriptor.digest, write)
        return descriptor

    async def mount_blob(self, repo: Repository, descriptor: Descriptor, source: Repository) -> bool:
        """Take a blob over from another repository of the same registry, by one POST; False if it would not."""
        return await uploads.mount(self._transport, repo, descriptor, source)

    async def referrers(
        self, repo: Repository, digest: Digest, artifact_type: str | None = None
    ) -> list[Descriptor]:
        """What refers to a digest, from the API and the fallback tag, each once, in digest order."""
        return await referrers.listed(self._transport, repo, digest, artifact_type)

    async def tags(self, repo: Repository) -> list[str]:
        """All tags, sorted; none for a repository that does not exist."""
        return await listing.tags(self._transport, repo) or []

    async def delete(self, ref: Reference) -> bool:
        """Delete a manifest by digest, or a tag; False if it was not there."""
        self._known.forget(ref.repository)
        return await manifests.remove(self._transport, ref)

    async def delete_referrer(self, repo: Repository, digest: Digest, subject: Digest) -> bool:
        """Delete a manifest that refers to a subject, and its entry under the fallback tag if there is one."""
        gone = await self.delete(repo.at(digest))
        await self._fallback.drop(repo, subject, digest)
        return gone

    def source(self, repo: Repository) -> ContentSource:
        """A repository as something to copy from."""
        return RepositorySource(self._transport, repo)

    async def copy(
        self,
        source: Repository | ContentSource,
        digest: Digest,
        dest: Repository,
        *,
        tag: str | None = None,
        referrers: bool = True,
        check: bool = False,
    ) -> CopyResult:
        """Copy an image with all platforms, and with its referrers and theirs, and tag it last.

        Blobs are mounted within one registry and streamed between two. An image that the destination holds is
        not copied again; with `check` its children are asked for one by one and mended.
        """
        if isinstance(source, Repository):
            one_token = frozenset({push(dest.path)}) if source.host == dest.host else frozenset()
            source = RepositorySource(self._transport, source, one_token)
        job = Copy(self._transport, self._known, self._fallback, source, dest)
        return await job.run(digest, tag=tag, with_referrers=referrers, check=check)
