"""What is signed again after a rotation: every tagged image of environments, or single references, by digest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError, UsageError
from pipeline.model import Digest, Reference, Repository
from pipeline.run.signing.re_sign import SignedRepository
from pipeline.run.signing.tag_scheme import TagSigner
from pipeline.trust import PrivateKey
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass

from ..rescan import tags_by_digest

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.run.context import RunContext
    from pipeline.trust import Signatory


@dataclass(frozen=True, slots=True)
class Held:
    """An image by digest, and every place that holds it. `named` are references that somebody asked for."""

    digest: Digest
    places: tuple[SignedRepository, ...]
    named: bool = False


async def held_by_environments(
    context: RunContext, environments: Sequence[Environment], earlier: Signatory | None
) -> list[Held]:
    """All that is tagged in the repositories of the plan's images, in each environment and at its secondary registries.

    Without `earlier`, those who sign for an environment by its rules did so before. Raises UsageError where nobody
    is named, RegistryError.
    """
    project = context.plan.project
    environments = [
        place for environment in environments for place in (environment, *project.secondaries_of(environment))
    ]
    signers = {one.name: _earlier(context, one, earlier) for one in environments}
    images = list(dict.fromkeys(target.image for target in context.plan.targets))
    wanted = [(environment, image) for environment in environments for image in images]

    async def look(pair: tuple[Environment, str]) -> list[tuple[Digest, SignedRepository]]:
        environment, image = pair
        repository = context.repository(environment, image)
        by_tag = _tag_signer(context, context.repositories(image))
        return [
            (digest, SignedRepository(repository, tags, signers[environment.name], by_tag))
            for digest, tags in (await tags_by_digest(context.registry, repository)).items()
        ]

    places_of: dict[Digest, list[SignedRepository]] = {}
    for digest, place in [one for places in await each(look, wanted) for one in places]:
        places_of.setdefault(digest, []).append(place)
    return [Held(digest, tuple(places)) for digest, places in places_of.items()]


async def held_by_references(
    context: RunContext, references: Sequence[Reference], earlier: Signatory | None
) -> list[Held]:
    """Images, or artifacts, by name. Raises UsageError, RegistryError for one that does not exist."""
    if earlier is None:
        raise _unnamed()

    async def look(reference: Reference) -> Held:
        image = await context.registry.head(reference)
        if image is None:
            raise RegistryError(f"{reference} does not exist", hint="check its repository, tag or digest")
        tags = (reference.tag,) if reference.tag else ()
        repository = reference.repository
        place = SignedRepository(repository, tags, (earlier,), _tag_signer(context, (repository,)))
        return Held(image.digest, (place,), named=True)

    return await each(look, references)


def refuse_unnamed(environments: Sequence[Environment], *, by_reference: bool) -> None:
    """Where no option names who signed before, the rules of every environment have to. Raises UsageError."""
    if by_reference:
        raise _unnamed()
    for environment in environments:
        if environment.verify is None or not environment.verify.signers:
            raise _unknown(environment)


def _earlier(
    context: RunContext, environment: Environment, earlier: Signatory | None
) -> tuple[Signatory, ...]:
    if earlier is not None:
        return (earlier,)
    rules = context.rules.get(environment.base)
    today = context.signatory.fingerprint
    accepted = [s for s in rules.signatories if s.fingerprint != today] if rules else []
    if not accepted:
        raise _unknown(environment)
    return tuple(accepted)


def _unnamed() -> UsageError:
    return UsageError(
        "of references, nobody is known who signed them before",
        hint="--key OLD.pub; or --certificate-identity and --certificate-oidc-issuer",
    )


def _unknown(environment: Environment) -> UsageError:
    return UsageError(
        f"nobody is known who signed for {environment.name} before",
        hint="--key OLD.pub; or list both signers in verify: of the environment",
    )


def _tag_signer(context: RunContext, repositories: tuple[Repository, ...]) -> TagSigner | None:
    if not context.plan.project.tag_signatures:
        return None
    pair = context.signing
    return TagSigner(PrivateKey(pair), pair.public_key, repositories)
