"""Signed content under tags of the repository of builds, as OCI artifacts (image-spec v1.1, "Guidelines for Artifact
Usage"). What is not signed by a trusted key, or for something else, is as if it were not there."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Manifest, Repository
from pipeline.model.descriptor import EMPTY_JSON
from pipeline.oci.artifact import artifact_manifest
from pipeline.util.dataclass import dataclass

from .signers import Binding, Signers

if TYPE_CHECKING:
    from pipeline.registry import Registry
    from pipeline.trust import PublicKey

STATEMENT = "org.lockage.statement"
"""The annotation with the signed statement: a DSSE envelope."""
_SHOWN = 3
_EMBEDDED_LIMIT = 256 * 1024
_CONTENT_LIMIT = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ContentKind:
    """A kind of content: its type as an artifact, and whether small content is carried inside the manifest
    (descriptor `data`, image-spec v1.1), so that reading it takes one request."""

    artifact_type: str
    embeds: bool = False
    limit: int = _CONTENT_LIMIT


@dataclass(frozen=True, slots=True)
class SignedContent:
    """Content that a trusted key signed, and the layers of its artifact: the content's own first."""

    content: bytes
    layers: tuple[Descriptor, ...]


class Store:
    """What a project's runs keep in a repository of builds.

    `distrusted` says by tag what was not believed, and why; `unsigned` is whether something was not kept because there
    was no key to sign it.
    """

    def __init__(self, registry: Registry, repository: Repository, signers: Signers) -> None:
        self.registry, self.repository, self.signers = registry, repository, signers
        self.distrusted: dict[str, str] = {}
        self.unsigned = False

    def distrust(self, tag: str, reason: str) -> None:
        """Remember that what a tag names was not believed."""
        self.distrusted[tag] = reason

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to report once all is read and written: what was not believed, with the first reasons, and whether later
        runs will know nothing of this one."""
        warnings, distrusted = [], [f"{tag}: {reason}" for tag, reason in self.distrusted.items()]
        if distrusted:
            more = [f"and {len(distrusted) - _SHOWN} more"] if len(distrusted) > _SHOWN else []
            reasons = "; ".join([*distrusted[:_SHOWN], *more])
            warnings.append(
                f"{len(distrusted)} tags of {self.repository} are not trusted, and ignored ({reasons})"
            )
        if self.unsigned:
            warnings.append("nothing is remembered: there is no private key to sign records with")
        return tuple(warnings)

    async def read(
        self, kind: ContentKind, binding: Binding, tag: Callable[[str], str], key: PublicKey
    ) -> bytes | None:
        """The content that a key signed for this under its tag; None when there is none, or none that can be believed.

        `tag` makes the tag of the key's space. Nothing is parsed before the signature is verified.
        """
        stored = await self.read_artifact(kind, binding, tag, key)
        return stored.content if stored else None

    async def read_artifact(
        self, kind: ContentKind, binding: Binding, tag: Callable[[str], str], key: PublicKey
    ) -> SignedContent | None:
        """As `read`, with the layers of the artifact. Only the content is signed."""
        name = tag(self.signers.space(key))
        manifest = await self.registry.get_manifest(self.repository.tagged(name))
        if manifest is None:
            return None
        try:
            content = await self._content(kind, manifest)
            envelope = manifest.annotations.get(STATEMENT)
            problem = self.signers.problem(key, binding, Digest.of(content), envelope)
        except (ValueError, KeyError, TypeError, RegistryError) as fault:
            problem = f"it cannot be read: {fault}"
        if problem is not None:
            self.distrust(name, problem)
            return None
        return SignedContent(content, manifest.layers)

    async def write(
        self,
        kind: ContentKind,
        binding: Binding,
        tag: Callable[[str], str],
        content: bytes,
        *,
        layers: Sequence[Descriptor] = (),
    ) -> bool:
        """Sign content and store it under the tag of this run's own space, in place of what that named; the tag is
        written last. `layers` are blobs that it names. False, and nothing is written, without a key to sign with.

        Raises UsageError for a key that cannot sign, RegistryError.
        """
        key = self.signers.own
        if key is None or not self.signers.signs:
            self.unsigned = True
            return False
        await self.signers.prepare()
        layer = Descriptor.of(content, kind.artifact_type)
        manifest = artifact_manifest(
            kind.artifact_type,
            [layer, *layers],
            annotations={STATEMENT: self.signers.sign(binding, layer.digest), **_annotations(binding)},
            embedded={layer.digest: content} if kind.embeds and len(content) <= _EMBEDDED_LIMIT else {},
        )
        await self.registry.put_blob(self.repository, EMPTY_JSON)
        await self.registry.put_blob(self.repository, content)
        await self.registry.put_manifest(
            self.repository, manifest.raw, manifest.media_type, tag=tag(self.signers.space(key))
        )
        return True

    async def _content(self, kind: ContentKind, manifest: Manifest) -> bytes:
        """Raises ValueError, KeyError, TypeError, RegistryError."""
        if manifest.data.get("artifactType") != kind.artifact_type:
            raise ValueError(f"it is no {kind.artifact_type}")
        layer = manifest.data["layers"][0]
        descriptor = Descriptor.from_oci(layer)
        if descriptor.size > kind.limit:
            raise ValueError(f"{descriptor.size} bytes are too many")
        embedded = layer.get("data")
        if not embedded:
            return await self.registry.blob(self.repository, descriptor)
        try:
            content = base64.b64decode(embedded, validate=True)
        except binascii.Error as fault:
            raise ValueError(f"embedded content: {fault}") from None
        if Digest.of(content) != descriptor.digest:
            raise ValueError("embedded content: it is not what its descriptor names")
        return content


def _annotations(binding: Binding) -> Mapping[str, str]:
    """For people: nothing reads them."""
    image = {"org.lockage.digest": str(binding.image)} if binding.image else {}
    return {"org.lockage.name": binding.name, **image}
