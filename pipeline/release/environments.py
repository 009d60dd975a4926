"""After a run: what an environment holds of a revision, verified, and brought to another environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.config import Environment
from pipeline.errors import GateClosed, RegistryError, UsageError
from pipeline.model import Descriptor, Digest, Reference, Repository
from pipeline.plan import Target
from pipeline.policy import Evidence, Tool, judge, lookup_tags
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
    """A reference by digest, and what its valid signatures say."""

    reference: Reference
    verification: Verification


def environment(known: Sequence[Environment], name: str | None) -> Environment | None:
    """The environment with this name; the second one when there is no name, None when there is only one.

    Raises UsageError for a name that lockage.yml does not have.
    """
    if not name:
        return known[1] if len(known) > 1 else None
    found = next((e for e in known if e.name == name), None)
    if found is None:
        names = ", ".join(e.name for e in known)
        raise UsageError(f"no environment is called {name!r}", hint=f"lockage.yml has: {names}")
    return found


async def plan_promotions(context: RunContext, origin: Environment, to: Environment) -> list[Promotion]:
    """What bringing every image tag of the plan from one environment to another would write; all are verified,
    and their findings judged by today's policy.

    From the first environment it is this revision's `ci-` tags that are taken, from others the tags themselves.
    Raises UsageError, RegistryError for what is not there, SignatureRefused, GateClosed.
    """
    known = context.plan.project.environments
    if origin == to:
        raise UsageError(f"{to.name} is where the images are taken from", hint="--to another environment")

    async def look(group: Sequence[Target]) -> Promotion:
        image, tags = group[0].image, group[0].tags
        source = context.repository(origin, image)
        found = await _first(
            context, source, _of_commit(context, group[0]) if origin == known[0] else tags[:1]
        )
        await check(context.registry, source, found.digest, context.signing.key)
        await _ask_again(context, source, found.digest, group[0])
        return await plan_promotion(
            context.registry, source, found.digest, context.repository(to, image), tags
        )

    return await each(look, [group for _, group in context.plan.groups()])


async def _first(context: RunContext, repository: Repository, tags: Sequence[str]) -> Descriptor:
    """What the first of these tags that is there points to; raises RegistryError."""
    for tag in tags:
        found = await context.registry.head(repository.tagged(tag))
        if found is not None:
            return found
    names = " nor ".join(str(repository.tagged(tag)) for tag in tags)
    raise RegistryError(
        f"No CI image found for commit {context.revision.label}: {names} does not exist",
        hint="lockage run, or --revision with the commit that was built",
    )


def _of_commit(context: RunContext, target: Target) -> tuple[str, ...]:
    """The tags that a commit alone decides (a snapshot's is its own); raises UsageError where there is none."""
    if context.plan.snapshot_id:
        return target.tags
    tags = lookup_tags(context.revision, target.tag, context.plan.project.commit_tags)
    if not tags:
        raise UsageError(
            "no template in commit_tags: names a commit alone, so nothing can be found by it",
            hint="add ci-{sha}-{tag} to commit_tags: in lockage.yml",
        )
    return tags


async def _ask_again(context: RunContext, repository: Repository, index: Digest, target: Target) -> None:
    """The vulnerability gate once more, from the newest signed findings on every child: no engine, no image is pulled.

    What passed when it was built may not pass today: an ignore expires, a policy is tightened. Raises GateClosed.
    """
    manifest = await context.registry.get_manifest(repository.at(index))
    for child in manifest.children if manifest else ():
        found = await examine(context.registry, repository, child.digest, context.signing.key)
        said = [s.predicate for s in found.statements if s.predicate_type == VULNERABILITIES]
        if not said:
            raise GateClosed(
                f"{repository.at(child.digest)} bears no signed findings",
                hint="lockage sign; then promote again",
            )
        verdicts = judge(_evidence(max(said, key=_when)), target.gates, context.today)
        closed = [verdict for verdict in verdicts if not verdict.passed]
        if closed:
            raise GateClosed(
                f"{target.name} is not promoted: its gate closes by today's policy",
                hint="patch the image, or add an ignore with owner, reason and expiry",
                detail="\n".join(reason for verdict in closed for reason in verdict.reasons),
            )


def _when(predicate: Mapping[str, Any]) -> tuple[str, str]:
    """The age of findings: of the data first, then of the scan (both RFC 3339 in UTC, so texts order them)."""
    try:
        return str(predicate["scanner"]["db"]["version"]), str(predicate["metadata"]["scanFinishedOn"])
    except (KeyError, TypeError):
        return "", ""


def _evidence(predicate: Mapping[str, Any]) -> Evidence:
    """Signed findings (cosign's vulnerability predicate) as evidence; raises RegistryError if they are not."""
    try:
        scanner = predicate["scanner"]
        tool = Tool("trivy", str(scanner["version"]), str(scanner["db"]["version"]))
        return Evidence(0, scan=trivy_scan(compact(scanner["result"]), tool))
    except (KeyError, TypeError, ValueError) as fault:
        raise RegistryError(f"signed findings cannot be read: {fault!r}") from None


async def verify(context: RunContext, texts: Sequence[str]) -> list[Verified]:
    """The signatures of references, or of everything of this revision; raises SignatureRefused, RegistryError."""
    references = [parse(text) for text in texts] or of_revision(context)
    return await verify_references(context.registry, context.signing.key, references)


async def verify_references(
    registry: Registry, key: PublicKey, references: Sequence[Reference]
) -> list[Verified]:
    """The signatures of references by one key, in the order given; raises SignatureRefused, RegistryError."""

    async def one(reference: Reference) -> Verified:
        found = await registry.head(reference)
        if found is None:
            raise RegistryError(f"{reference} does not exist", hint="lockage run; or name another reference")
        verified = await check(registry, reference.repository, found.digest, key)
        return Verified(reference.repository.at(found.digest), verified)

    return await each(one, references)


def parse(text: str) -> Reference:
    """A reference from the command line, its digest preferred to its tag; raises UsageError."""
    try:
        reference = Reference.parse(text)
    except ValueError as fault:
        hint = "write it as HOST/NAME:TAG or HOST/NAME@sha256:…, such as ghcr.io/acme/app:1.0"
        raise UsageError(str(fault), hint=hint) from None
    return reference.by_digest if reference.digest else reference


def of_revision(context: RunContext) -> list[Reference]:
    """The commit's tag of every image tag of the plan, as this revision's run wrote it."""
    first = context.plan.project.environments[0]
    groups = [group for _, group in context.plan.groups()]
    return [context.repository(first, g[0].image).tagged(_of_commit(context, g[0])[0]) for g in groups]
