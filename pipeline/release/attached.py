"""Bills of materials as published images bear them: signed, of the index and of each of its platforms."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from pipeline.errors import RegistryError
from pipeline.model import Digest, Manifest, Platform, Reference
from pipeline.sbom.current_document import current, serial
from pipeline.trust import CYCLONEDX, SPDX, Signatory, SignatureRefused, examine
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact

if TYPE_CHECKING:
    from pipeline.registry import Registry

PREDICATES = {"cyclonedx": CYCLONEDX, "spdx": SPDX}
"""The formats that are attested, with their predicate types."""


@dataclass(frozen=True, slots=True)
class AttachedDocument:
    """A document in a verified statement about a digest; `platform` is None for an index."""

    subject: Reference
    platform: Platform | None
    document: Any

    @property
    def content(self) -> bytes:
        """The bytes that were attested."""
        return compact(self.document)


async def find_image(registry: Registry, reference: Reference) -> Manifest:
    """The manifest or index of a reference. Raises RegistryError."""
    manifest = await registry.get_manifest(reference)
    if manifest is None:
        raise RegistryError(f"{reference} does not exist", hint="check its repository, tag or digest")
    return manifest


async def attached_documents(
    registry: Registry,
    reference: Reference,
    key: Signatory,
    format: str,
    platforms: Collection[Platform] = (),
) -> tuple[AttachedDocument, ...]:
    """The documents of an image in a format (`cyclonedx`, `spdx`): of its index, if there is one and it bears any, then
    of its platforms (`platforms`, else all).

    Raises RegistryError, and SignatureRefused for a platform without a document that the key has signed.
    """
    image = await find_image(registry, reference)
    children = [c for c in image.children if c.platform and (not platforms or c.platform in platforms)]
    if image.is_index and not children:
        known = ", ".join(str(c.platform) for c in image.children if c.platform) or "none"
        raise RegistryError(f"{reference} has no such platform (it has: {known})")

    async def find(digest: Digest, platform: Platform | None) -> AttachedDocument:
        subject = reference.repository.at(digest)
        document = await _find(registry, subject, key, format)
        if isinstance(document, RefusedDocuments):
            raise document.error(subject, key, format)
        return AttachedDocument(subject, platform, document)

    if not image.is_index:
        return (await find(image.digest, None),)
    documents = await each(lambda child: find(child.digest, child.platform), children)
    subject = reference.repository.at(image.digest)
    links = [serial(attached.document) for attached in documents]
    own = await _find(registry, subject, key, format, links)
    return (
        *(() if isinstance(own, RefusedDocuments) else (AttachedDocument(subject, None, own),)),
        *documents,
    )


@dataclass(frozen=True, slots=True)
class RefusedDocuments:
    """No document, and why what is attached does not count."""

    reasons: tuple[str, ...]

    def error(self, subject: Reference, key: Signatory, format: str) -> SignatureRefused:
        """As an error."""
        return SignatureRefused(
            f"{subject} has no {format} document signed by {key.origin}",
            hint="lockage sign attaches it; or name the publisher's key: --key FILE",
            detail="\n".join(self.reasons) or None,
        )


async def _find(
    registry: Registry, subject: Reference, key: Signatory, format: str, links: Iterable[str] = ()
) -> Any:
    assert subject.digest
    seen = await examine(registry, subject.repository, subject.digest, key)
    documents = [dict(s.predicate) for s in seen.statements if s.predicate_type == PREDICATES[format]]
    document = current(documents, str(subject.digest), links)
    return RefusedDocuments(seen.refused) if document is None else document
