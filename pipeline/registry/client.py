"""`Registry`, the asynchronous OCI client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from types import TracebackType

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Reference, Repository
from pipeline.model.manifest import Manifest
from pipeline.oci.source import ContentSource, ReferrerList

from . import downloads, listing, manifests, referrers
from .auth.access import Access
from .auth.challenge import push
from .blobs import read as blob_reads
from .blobs import write as blob_writes
from .blobs.content import Content
from .blobs.upload_session import try_session
from .cache import ContentCache
from .copy.image import Copy, CopyResult
from .copy.source import RepositorySource
from .http.messages import Request
from .http.settings import ClientSettings
from .http.stats import Stats
from .http.transport import Transport

AGENT = "lockage"


class Registry:
    """A client of all registries, used as `async with Registry(access) as registry`.

    Every method raises RegistryError if a registry refuses, fails or returns an invalid response, after the retries
    that `ClientSettings` allow. Content is always verified against its digest.
    """

    def __init__(self, access: Access | None = None, settings: ClientSettings | None = None) -> None:
        self._transport = Transport(access or Access(), settings or ClientSettings(), AGENT)
        self._cache = ContentCache()
        self._fallback_tags = referrers.FallbackTags(self._transport)

    async def __aenter__(self) -> Registry:
        await self._transport.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self._fallback_tags.settle()
        finally:
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
        """One GET of `/v2/` with the host's credentials; raises RegistryError if that fails."""
        await self._transport.send(Request("GET", host, "/v2/", "pinging", host))

    async def try_push(self, repo: Repository) -> str:
        """Open an upload and cancel it, which takes the right to push. Gives the registry's time, as it sends it."""
        return await try_session(self._transport, repo)

    async def head(self, ref: Reference) -> Descriptor | None:
        """The descriptor of the manifest behind a reference, or None; by one HEAD."""
        return await manifests.head(self._transport, ref)

    async def get_manifest(self, ref: Reference) -> Manifest | None:
        """The manifest behind a reference, or None; by one GET."""
        manifest = await manifests.get(self._transport, ref)
        if manifest is not None:
            self._cache.store(manifest)
        return manifest

    async def copied_manifest(self, ref: Reference) -> Manifest | None:
        """As `get_manifest` of a digest; without a request where this client has just written it."""
        if ref.digest and self._cache.has(ref.repository, ref.digest):
            known = self._cache.manifest(ref.digest)
            if known is not None:
                return known
        return await self.get_manifest(ref)

    async def put_manifest(
        self, repo: Repository, raw: bytes, media_type: str, *, tag: str | None = None
    ) -> Descriptor:
        """Write a manifest by tag, or by its digest. One with a subject is listed among its referrers afterwards, by
        the registry itself (`OCI-Subject`) or by the fallback tag."""
        try:
            manifest = Manifest.parse(raw, media_type)
        except ValueError as fault:
            raise RegistryError(f"the manifest for {repo} is invalid: {fault}") from fault
        stored = await manifests.put(self._transport, repo, manifest, tag)
        self._cache.store(manifest)
        self._cache.add(repo, manifest.digest)
        if not stored.listed and manifest.subject:
            await self._fallback_tags.add(repo, manifest.subject.digest, [manifest.as_referrer()])
        return stored.descriptor

    async def has_blob(self, repo: Repository, digest: Digest) -> bool:
        """Whether a repository holds a blob; by one HEAD."""
        return await blob_reads.has(self._transport, repo, digest)

    async def blob(self, repo: Repository, descriptor: Descriptor) -> bytes:
        """A whole blob, at most `ClientSettings.blob_bytes`."""
        return await blob_reads.read(self._transport, repo, descriptor)

    def stream_blob(self, repo: Repository, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """A blob in chunks; the last chunk comes only after size and digest are verified."""
        return blob_reads.stream(self._transport, repo, descriptor)

    async def document(self, url: str) -> bytes:
        """A small file of another server, in memory."""
        return await downloads.document(self._transport, url)

    def download(self, url: str) -> AsyncIterator[bytes]:
        """A file of another server, in chunks that the caller verifies."""
        return downloads.stream(self._transport, url)

    async def put_blob(
        self,
        repo: Repository,
        content: Content,
        descriptor: Descriptor | None = None,
        *,
        source: Repository | None = None,
    ) -> Descriptor:
        """Write a blob unless it is there or can be mounted from `source`. For bytes the descriptor may be omitted.

        A file, or a function that opens a stream, is sent in constant memory. What this client wrote there before is
        not sent again.
        """
        if descriptor is None:
            if not isinstance(content, bytes):
                raise TypeError("a file or a stream needs its descriptor")
            descriptor = Descriptor.of(content, "application/octet-stream")
        write = partial(blob_writes.put, self._transport, repo, content, descriptor, source)
        await self._cache.once(repo, descriptor.digest, write)
        return descriptor

    async def mount_blob(self, repo: Repository, descriptor: Descriptor, source: Repository) -> bool:
        """Mount a blob from another repository of the same registry, by one POST; False if the registry refuses."""
        return await blob_writes.mount(self._transport, repo, descriptor, source)

    async def referrers(
        self, repo: Repository, digest: Digest, artifact_type: str | None = None
    ) -> list[Descriptor]:
        """The referrers of a digest, by API and fallback tag together, each once, in digest order."""
        entries = (await self.list_referrers(repo, digest)).entries
        return [entry for entry in entries if artifact_type in (None, entry.artifact_type)]

    async def list_referrers(self, repo: Repository, digest: Digest) -> ReferrerList:
        """As `referrers`, with what is listed and cannot be used."""
        return await referrers.listed(self._transport, repo, digest)

    async def referrers_by_api(self, repo: Repository, digest: Digest) -> tuple[Descriptor, ...] | None:
        """The referrers of a digest by the API alone, by one request a page; None where the registry has none. For
        callers that know all tags, and so the fallback tags."""
        listed = await referrers.by_api(self._transport, repo, digest)
        return None if listed is None else listed.entries

    async def tags(self, repo: Repository) -> list[str]:
        """All tags, sorted; none for a repository that does not exist."""
        return await listing.tags(self._transport, repo) or []

    async def repositories(self, host: str) -> list[Repository]:
        """All repositories of a registry, sorted, where it lists them."""
        return await listing.repositories(self._transport, host)

    async def delete(self, ref: Reference) -> bool:
        """Delete a manifest by digest, or a tag; False if it was not there."""
        self._cache.forget(ref.repository)
        return await manifests.remove(self._transport, ref)

    async def delete_referrer(self, repo: Repository, digest: Digest, subject: Digest) -> bool:
        """Delete a referrer of a subject, and its entry in the fallback tag if there is one."""
        deleted = await self.delete(repo.at(digest))
        await self._fallback_tags.drop(repo, subject, digest)
        return deleted

    def source(self, repo: Repository) -> ContentSource:
        """A repository as the source of a copy."""
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
        """Copy an image with all platforms, its referrers and theirs, and tag it last.

        Blobs are mounted within one registry and streamed between two. An image that the destination holds is not
        copied again; with `check` each of its children is checked and copied if missing.
        """
        if isinstance(source, Repository):
            shared = frozenset({push(dest.path)}) if source.host == dest.host else frozenset()
            source = RepositorySource(self._transport, source, shared)
        copy = Copy(self._transport, self._cache, self._fallback_tags, source, dest)
        return await copy.run(digest, tag=tag, with_referrers=referrers, check=check)
