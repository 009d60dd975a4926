"""One image signed again after a rotation: what an earlier signer attested is attested by the one of today as well.

Statements are taken over as they are, so claims, times and verdicts stay those of the build. Evidence comes first,
then the signatures of platforms, the index's own last: its presence means that the rest is there, and a rerun attaches
what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.oci.index import is_attestation
from pipeline.trust import SIGNATURE, Statement, attach
from pipeline.trust.verify import bundles
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.registry import Registry
    from pipeline.trust import Signatory

    from .signer import Sign
    from .tag_scheme import TagSigner


@dataclass(frozen=True, slots=True)
class SignedRepository:
    """A repository that holds an image, the tags that name it there, and whose signatures are taken over.

    `by_tag` signs there in the tag scheme too.
    """

    repository: Repository
    tags: tuple[str, ...]
    earlier: tuple[Signatory, ...]
    by_tag: TagSigner | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What is attached to one digest of an image: bundles of today's signer by the statement in them, in the bytes that
    are signed; what earlier signers attested; and what counts as neither."""

    subject: Descriptor
    present: Mapping[bytes, bytes]
    earlier: tuple[Statement, ...]
    refused: tuple[str, ...]
    signed: bool

    @property
    def lacking(self) -> tuple[Statement, ...]:
        """What earlier signers attested and today's has not, each statement once: evidence, then signatures."""
        distinct = {statement.to_json(): statement for statement in self.earlier}
        lacking = [statement for raw, statement in distinct.items() if raw not in self.present]
        return tuple(sorted(lacking, key=_is_signature))


@dataclass(frozen=True, slots=True)
class ReSigning:
    """Who signs now; `signatory` tells what is signed already. `created` is in seconds since 1970."""

    signatory: Signatory
    sign: Sign
    created: int


@dataclass(frozen=True, slots=True)
class ReSigned:
    """What became of an image: how many statements were signed, and how many bundles attached in each place.

    `problem` says why nothing was; `unsigned` is true if nobody has ever signed the image.
    """

    digest: Digest
    places: tuple[SignedRepository, ...]
    signed: int = 0
    attached: tuple[int, ...] = ()
    problem: str = ""
    unsigned: bool = False


async def re_sign(
    registry: Registry, digest: Digest, places: Sequence[SignedRepository], signing: ReSigning
) -> ReSigned:
    """Sign an image again, with its platforms, wherever it is held; each statement is signed once for all places.

    Nothing is written unless index and platforms are signed by today's signer or an earlier one.
    Raises UsageError for a key or token that cannot sign, RegistryError.
    """
    subjects = await _subjects(registry, places[0].repository, digest)
    seen = [[await _look(registry, place, subject, signing) for subject in subjects] for place in places]
    problem = _problem(seen, places, signing)
    if problem:
        bare = not any(one.present or one.earlier or one.refused for image in seen for one in image)
        return ReSigned(digest, tuple(places), problem=problem, unsigned=bare)
    made = {raw: bundle for image in seen for one in image for raw, bundle in one.present.items()}
    lacking = [in_order(image) for image in seen]
    new = {raw: s for one in lacking for _, s in one if (raw := s.to_json()) not in made}
    if new:
        signed = await signing.sign(str(places[0].repository.at(digest)), list(new.values()))
        made.update(zip(new, signed, strict=True))
    for place, image, lacks in zip(places, seen, lacking, strict=True):
        if place.by_tag:
            await place.by_tag.ensure(registry, place.repository, [one.subject.digest for one in image])
        for subject, statement in lacks:
            bundle = made[statement.to_json()]
            await attach(registry, place.repository, subject, bundle, created=signing.created)
    return ReSigned(digest, tuple(places), len(new), tuple(map(len, lacking)))


def in_order(image: Iterable[Seen]) -> list[tuple[Descriptor, Statement]]:
    """What an image's digests lack, in the order of attachment; its own digest is the last of them."""
    lacking = [(one.subject, statement) for one in image for statement in one.lacking]
    return sorted(lacking, key=lambda pair: _is_signature(pair[1]))


def _is_signature(statement: Statement) -> bool:
    return statement.predicate_type == SIGNATURE


async def _subjects(registry: Registry, repository: Repository, digest: Digest) -> list[Descriptor]:
    """The platforms of an image, then the image itself. Raises RegistryError."""
    manifest = await registry.get_manifest(repository.at(digest))
    if manifest is None:
        raise RegistryError(f"{repository.at(digest)} does not exist", hint="name another reference")
    platforms = (child for child in manifest.children if not is_attestation(child))
    return [*platforms, manifest.descriptor]


async def _look(registry: Registry, place: SignedRepository, subject: Descriptor, signing: ReSigning) -> Seen:
    """Read each bundle of a digest once."""
    present: dict[bytes, bytes] = {}
    earlier: list[Statement] = []
    refused: list[str] = []
    signed = False
    async for referrer, raw in bundles(registry, place.repository, subject.digest):
        statement = raw if isinstance(raw, str) else signing.signatory.statement(raw, subject.digest)
        if isinstance(statement, Statement) and isinstance(raw, bytes):
            present[statement.to_json()] = raw
        elif isinstance(raw, bytes):
            statement = _by_earlier(raw, subject.digest, place.earlier) or statement
            if isinstance(statement, Statement):
                earlier.append(statement)
        if isinstance(statement, Statement):
            signed = signed or _is_signature(statement)
        else:
            refused.append(f"{referrer}: {statement}")
    return Seen(subject, present, tuple(earlier), tuple(refused), signed)


def _by_earlier(raw: bytes, digest: Digest, earlier: Sequence[Signatory]) -> Statement | None:
    read = (signatory.statement(raw, digest) for signatory in earlier)
    return next((statement for statement in read if isinstance(statement, Statement)), None)


def _problem(seen: Sequence[Sequence[Seen]], places: Sequence[SignedRepository], signing: ReSigning) -> str:
    """The first digest that neither signer has signed; an index that is signed says nothing of its platforms."""
    for place, image in zip(places, seen, strict=True):
        for one in reversed(image):
            if not one.signed:
                signers = " or ".join(s.origin for s in (*place.earlier, signing.signatory))
                reasons = "; ".join(one.refused) or "it has no signature"
                return f"{place.repository.at(one.subject.digest)} is not signed by {signers}: {reasons}"
    return ""
