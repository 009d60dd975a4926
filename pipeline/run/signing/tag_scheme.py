"""Signatures under tags, for consumers that do not read bundles: of an image's digests, for every repository it may be
promoted to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.trust.simple_signing import (
    is_readable,
    signature_manifest,
    signature_tag,
    signed_for,
    signed_payload,
)
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.registry import Registry
    from pipeline.trust import PrivateKey, PublicKey

_MOST = 100  # signatures that are read


@dataclass(frozen=True, slots=True)
class TagSigner:
    """A key pair, and the repositories that its signatures are for.

    A consumer may compare these with where it pulls from (containers-policy.json, `signedIdentity`).
    """

    private: PrivateKey
    public: PublicKey
    repositories: tuple[Repository, ...]

    async def ensure(self, registry: Registry, repository: Repository, digests: Sequence[Digest]) -> None:
        """Add what the tags of these digests lack by this key; what others have signed stays.

        Raises UsageError for a key that cannot sign, RegistryError.
        """
        for digest in digests:
            await self._ensure(registry, repository, digest)

    async def _ensure(self, registry: Registry, repository: Repository, digest: Digest) -> None:
        tag = signature_tag(digest)
        existing = await registry.get_manifest(repository.tagged(tag))
        layers: tuple[Descriptor, ...] = () if existing is None else existing.layers
        if len(layers) > _MOST:
            raise RegistryError(
                f"{repository.tagged(tag)} has {len(layers)} signatures, more than {_MOST} that are read",
                hint="find out who wrote them, delete this tag, and lockage sign again",
            )
        present = {
            signed_for(await registry.blob(repository, layer), layer, digest, self.public)
            for layer in layers
            if is_readable(layer)
        }
        lacking = [name for name in self.repositories if str(name) not in present]
        if not lacking:
            return
        for name in lacking:
            payload, layer = signed_payload(name, digest, self.private)
            await registry.put_blob(repository, payload)
            layers = (*layers, layer)
        manifest, config = signature_manifest(layers)
        await registry.put_blob(repository, config)
        await registry.put_manifest(repository, manifest.raw, manifest.media_type, tag=tag)
