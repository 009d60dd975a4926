"""After a run: the images of a revision in an environment, found and verified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.config import Environment, Project
from pipeline.errors import RegistryError, UsageError
from pipeline.model import Descriptor, Reference, Repository
from pipeline.plan import Plan, Target
from pipeline.policy import Revision, lookup_tags
from pipeline.run.context import RunContext
from pipeline.run.publish.approval import refuse_unapproved
from pipeline.run.publish.image_claims import ImageClaims
from pipeline.state.records import Records
from pipeline.util.concurrency import each

if TYPE_CHECKING:
    from pipeline.trust import Signatory

    from .verification import VerificationRequest, Verified


def environment(environments: Sequence[Environment], name: str) -> Environment:
    """The environment with this name. Raises UsageError for a name that lockage.yml does not have."""
    for known in environments:
        if known.name == name:
            return known
    names = ", ".join(known.name for known in environments)
    raise UsageError(f"no environment is called {name!r}", hint=f"lockage.yml has: {names}")


def destinations(environments: Sequence[Environment], name: str | None) -> tuple[Environment, ...]:
    """Where a run promotes to: the environment with this name; without a name those with `promote: automatic`.

    Raises UsageError for a name that lockage.yml does not have, ApprovalMissing for one that takes only approved plans.
    """
    if not name:
        return tuple(known for known in environments if known.automatic)
    destination = environment(environments, name)
    refuse_unapproved(destination, None)
    return (destination,)


def release_destinations(project: Project, name: str | None) -> tuple[Environment, ...]:
    """Where releases go: the environment with this name; without a name those of `release: to:`. Raises UsageError."""
    if name is not None:
        return (environment(project.environments, name),)
    if not project.releases:
        raise UsageError(
            "there is no environment to release to", hint="environments: in lockage.yml names a second one"
        )
    return project.releases


def without_dirty(
    context: RunContext, to: tuple[Environment, ...], *, named: bool
) -> tuple[tuple[Environment, ...], tuple[str, ...]]:
    """Where a run promotes to, and notes of where it does not: nothing is promoted from a work tree with changes.

    Raises UsageError, before anything is built, for an environment that was `named`.
    """
    if not context.plan.targets or context.plan.snapshot_id:
        return to, ()
    if not to:
        others = context.plan.project.environments[1:]
        names = ", ".join(environment.name for environment in others)
        if not others:
            return (), ()
        return (), (f"not promoted: no environment has promote: automatic; --to names one of {names}",)
    if not context.revision.dirty or context.promotion.dirty:
        return to, ()
    hint = "commit them; --allow-dirty promotes what was built from commits"
    if named:
        raise UsageError(
            f"the work tree has changes, and nothing is promoted to {to[0].name} from it", hint=hint
        )
    names = ", ".join(environment.name for environment in to)
    return (), (f"not promoted to {names}: the work tree has changes ({hint})",)


async def find_image(
    context: RunContext, repository: Repository, target: Target, *, of_commit: bool
) -> Descriptor:
    """What an image tag is in a repository: by the tags of this revision's commit, else by its own tag.

    Raises UsageError, RegistryError when none of them exists.
    """
    revision = context.revision
    tags = _lookup_tags(context.plan, revision, target) if of_commit else target.tags[:1]
    for tag in tags:
        image = await context.registry.head(repository.tagged(tag))
        if image is not None:
            return image
    names = " nor ".join(str(repository.tagged(tag)) for tag in tags)
    raise RegistryError(
        f"No CI image found for commit {revision.label}: {names} does not exist",
        hint="wait until its job has ended, or lockage run; --revision names a commit that was built",
    )


def _lookup_tags(plan: Plan, revision: Revision, target: Target) -> tuple[str, ...]:
    """The tags that depend on the commit alone, or on the snapshot. Raises UsageError when there is none."""
    if plan.snapshot_id:
        return target.tags
    tags = lookup_tags(revision, target.tag, plan.project.commit_tags)
    if not tags:
        raise UsageError(
            "no template in commit_tags: names a commit alone, so nothing can be found by it",
            hint="add ci-{sha}-{tag} to commit_tags: in lockage.yml",
        )
    return tags


async def verify(context: RunContext, texts: Sequence[str]) -> list[Verified]:
    """The signatures of references, or of everything of this revision. Raises SignatureRefused, RegistryError."""
    from .verification import VerificationRequest, verify_references

    if not texts:
        return await verify_revision(context, context.signatory)
    return await verify_references(
        context.registry, context.signatory, [VerificationRequest(parse(text)) for text in texts]
    )


async def verify_revision(context: RunContext, signatory: Signatory) -> list[Verified]:
    """The signatures of everything of this revision. Raises SignatureRefused, also where evidence is gone that a run
    attested; RegistryError."""
    from pipeline.run.signing.ensure_signed import lacking_evidence
    from pipeline.trust import SignatureRefused

    from .verification import verify_references

    verified = await verify_references(context.registry, signatory, of_revision(context))
    records = Records(context.store(), context.plan.targets, upstream=context.upstream)

    async def lacking(pair: tuple[Verified, Sequence[Target]]) -> list[str]:
        image, group = pair
        evidence = await lacking_evidence(records, image.reference.repository, group, signatory)
        return [f"{image.reference} lacks {one}" for one in evidence]

    groups = [group for _, group in context.plan.groups()]
    missing = [one for lines in await each(lacking, zip(verified, groups, strict=True)) for one in lines]
    if missing:
        raise SignatureRefused(
            f"{len(missing)} attestations that a run made are gone",
            hint="lockage sign attaches them again",
            detail="\n".join(missing),
        )
    return verified


def parse(text: str) -> Reference:
    """A reference from the command line; its digest takes precedence over its tag. Raises UsageError."""
    try:
        reference = Reference.parse(text)
    except ValueError as fault:
        hint = "write it as HOST/NAME:TAG or HOST/NAME@sha256:…, such as ghcr.io/acme/app:1.0"
        raise UsageError(str(fault), hint=hint) from None
    return reference.by_digest if reference.digest else reference


def of_revision(context: RunContext) -> list[VerificationRequest]:
    """The commit's tag of every image tag of the plan, as a run of this revision wrote it."""
    from .verification import VerificationRequest

    first = context.plan.project.environments[0]

    def one(group: Sequence[Target]) -> VerificationRequest:
        written = context.commit_tags(group[0])
        tags = _lookup_tags(context.plan, context.revision, group[0])
        tag = next((tag for tag in tags if tag in written), tags[0])
        reference = context.repository(first, group[0].image).tagged(tag)
        return VerificationRequest(reference, ImageClaims.of(context, group).index)

    return [one(group) for _, group in context.plan.groups()]
