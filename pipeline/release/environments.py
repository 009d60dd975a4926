"""After a run: the images of a revision in an environment, verified and promoted to another environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.config import Environment
from pipeline.errors import GateClosed, RegistryError, UsageError
from pipeline.model import Descriptor, Digest, Reference, Repository
from pipeline.plan import Plan, Target
from pipeline.policy import Evidence, Revision, Tool, judge, lookup_tags
from pipeline.policy.reports import trivy_scan
from pipeline.run.context import RunContext
from pipeline.run.publish.promotion import Promotion, plan_promotion
from pipeline.trust import VULNERABILITIES, PublicKey, Verification, examine
from pipeline.trust import verify as check
from pipeline.util.canonical_json import compact
from pipeline.util.concurrency import each

if TYPE_CHECKING:
    from pipeline.registry import Registry


@dataclass(frozen=True, slots=True)
class Verified:
    """A reference by digest, and its valid signatures."""

    reference: Reference
    verification: Verification


def environment(environments: Sequence[Environment], name: str | None) -> Environment | None:
    """The environment with this name; without a name the second one, None when there is only one.

    Raises UsageError for a name that lockage.yml does not have.
    """
    if not name:
        return environments[1] if len(environments) > 1 else None
    for known in environments:
        if known.name == name:
            return known
    names = ", ".join(known.name for known in environments)
    raise UsageError(f"no environment is called {name!r}", hint=f"lockage.yml has: {names}")


async def plan_promotions(context: RunContext, origin: Environment, to: Environment) -> list[Promotion]:
    """What promoting every image tag of the plan from one environment to another would write; all are verified, and
    their findings judged by today's policy.

    From the first environment, the tags of this revision's commit are promoted, from others the tags themselves.
    Raises UsageError, RegistryError for an image that does not exist, SignatureRefused, GateClosed.
    """
    if origin == to:
        raise UsageError(f"{to.name} is where the images come from", hint="--to another environment")
    from_first = origin == context.plan.project.environments[0]

    async def plan_one(group: Sequence[Target]) -> Promotion:
        target = group[0]
        source = context.repository(origin, target.image)
        tags = _lookup_tags(context.plan, context.revision, target) if from_first else target.tags[:1]
        image = await _first(context.registry, source, tags, context.revision)
        await check(context.registry, source, image.digest, context.signing.public_key)
        await _judge_again(context, source, image.digest, target)
        return await plan_promotion(
            context.registry, source, image.digest, context.repository(to, target.image), target.tags
        )

    return await each(plan_one, [group for _, group in context.plan.groups()])


async def _first(
    registry: Registry, repository: Repository, tags: Sequence[str], revision: Revision
) -> Descriptor:
    """What the first of these tags that exists names. Raises RegistryError when none does."""
    for tag in tags:
        image = await registry.head(repository.tagged(tag))
        if image is not None:
            return image
    names = " nor ".join(str(repository.tagged(tag)) for tag in tags)
    raise RegistryError(
        f"No CI image found for commit {revision.label}: {names} does not exist",
        hint="lockage run, or --revision with the commit that was built",
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


async def _judge_again(context: RunContext, repository: Repository, index: Digest, target: Target) -> None:
    """Judge the newest signed findings of every child again; no engine runs and no image is pulled.

    What passed when it was built may not pass today: an ignore expires, a policy is tightened. Raises GateClosed.
    """
    manifest = await context.registry.get_manifest(repository.at(index))
    for child in manifest.children if manifest else ():
        verification = await examine(context.registry, repository, child.digest, context.signing.public_key)
        predicates = [s.predicate for s in verification.statements if s.predicate_type == VULNERABILITIES]
        if not predicates:
            raise GateClosed(
                f"{repository.at(child.digest)} has no signed findings",
                hint="lockage sign; then promote again",
            )
        evidence = _evidence(max(predicates, key=_age))
        verdicts = judge(evidence, target.gates, context.today)
        closed = [verdict for verdict in verdicts if not verdict.passed]
        if closed:
            raise GateClosed(
                f"{target.name} is not promoted: its gate closes by today's policy",
                hint="patch the image, or add an ignore with owner, reason and expiry",
                detail="\n".join(reason for verdict in closed for reason in verdict.reasons),
            )


def _age(predicate: Mapping[str, Any]) -> tuple[str, str]:
    """The age of findings: of the data, then of the scan. Both are RFC 3339 in UTC, so their texts are in order."""
    try:
        return str(predicate["scanner"]["db"]["version"]), str(predicate["metadata"]["scanFinishedOn"])
    except (KeyError, TypeError):
        return "", ""


def _evidence(predicate: Mapping[str, Any]) -> Evidence:
    """Signed findings (cosign's vulnerability predicate) as evidence. Raises RegistryError for anything else."""
    try:
        scanner = predicate["scanner"]
        tool = Tool("trivy", str(scanner["version"]), str(scanner["db"]["version"]))
        return Evidence(0, scan=trivy_scan(compact(scanner["result"]), tool))
    except (KeyError, TypeError, ValueError) as fault:
        raise RegistryError(f"signed findings cannot be read: {fault!r}") from None


async def verify(context: RunContext, texts: Sequence[str]) -> list[Verified]:
    """The signatures of references, or of everything of this revision. Raises SignatureRefused, RegistryError."""
    references = [parse(text) for text in texts] or of_revision(context)
    return await verify_references(context.registry, context.signing.public_key, references)


async def verify_references(
    registry: Registry, key: PublicKey, references: Sequence[Reference]
) -> list[Verified]:
    """The signatures of references by one key, in the order given. Raises SignatureRefused, RegistryError."""

    async def verify_one(reference: Reference) -> Verified:
        image = await registry.head(reference)
        if image is None:
            raise RegistryError(f"{reference} does not exist", hint="lockage run; or name another reference")
        verification = await check(registry, reference.repository, image.digest, key)
        return Verified(reference.repository.at(image.digest), verification)

    return await each(verify_one, references)


def parse(text: str) -> Reference:
    """A reference from the command line; its digest takes precedence over its tag. Raises UsageError."""
    try:
        reference = Reference.parse(text)
    except ValueError as fault:
        hint = "write it as HOST/NAME:TAG or HOST/NAME@sha256:…, such as ghcr.io/acme/app:1.0"
        raise UsageError(str(fault), hint=hint) from None
    return reference.by_digest if reference.digest else reference


def of_revision(context: RunContext) -> list[Reference]:
    """The commit's tag of every image tag of the plan, as a run of this revision wrote it."""
    first = context.plan.project.environments[0]
    targets = [group[0] for _, group in context.plan.groups()]
    return [
        context.repository(first, target.image).tagged(
            _lookup_tags(context.plan, context.revision, target)[0]
        )
        for target in targets
    ]
