"""What may be promoted: the index that a run publishes, each part signed for exactly that, judged again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.errors import GateClosed, RegistryError
from pipeline.model import Digest, Platform, Repository
from pipeline.oci.index import index_problems
from pipeline.policy import Evidence, judge
from pipeline.run.context import RunContext
from pipeline.run.publish.image_claims import ImageClaims
from pipeline.state.vex import vex_of
from pipeline.trust import Verification, verify_claims

from .signed_findings import newest_findings, scan_of

if TYPE_CHECKING:
    from pipeline.plan import Target


async def check_promotable(
    context: RunContext,
    repository: Repository,
    digest: Digest,
    targets: Sequence[Target],
    claims: ImageClaims,
) -> None:
    """Check what a tag of an image tag names; no engine runs and no image is pulled.

    It has to be an index of exactly the plan's platforms. The index and each platform have to be signed for this image
    tag, and each platform's newest signed findings are judged again: what passed when it was built may not pass today.
    Raises GateClosed, SignatureRefused, RegistryError.
    """
    reference, key = repository.at(digest), context.signing.public_key
    manifest = await context.registry.get_manifest(reference)
    if manifest is None:
        raise RegistryError(f"{reference} does not exist", hint="lockage run")
    problems = index_problems(manifest, claims.platforms)
    if problems:
        raise GateClosed(
            f"{reference} is not the index that a run publishes of {targets[0].name}",
            hint="find out who moved the tag; lockage run writes it again",
            detail="\n".join(problems),
        )
    await verify_claims(context.registry, repository, digest, key, claims.index)
    of_platforms = {target.platform: target for target in targets}
    for child in manifest.children:
        if child.platform is not None:
            wanted = claims.platforms[child.platform]
            seen = await verify_claims(context.registry, repository, child.digest, key, wanted)
            target = of_platforms.get(child.platform, targets[0])
            _judge_again(context, repository, child.platform, target, seen)


def _judge_again(
    context: RunContext, repository: Repository, platform: Platform, target: Target, seen: Verification
) -> None:
    newest = newest_findings(seen.statements)
    reference = repository.at(seen.subject)
    if newest is None:
        raise GateClosed(
            f"{reference} has no signed findings",
            hint="lockage sign; then promote again",
            detail="\n".join(seen.refused) or None,
        )
    try:
        evidence = Evidence(0, scan=scan_of(newest))
    except ValueError as fault:
        raise RegistryError(
            f"the signed findings of {reference} ({platform}) cannot be read: {fault}",
            hint="lockage sign attests them again, with newer vulnerability data",
        ) from None
    subject = context.subject(target.image, seen.subject)
    vex = vex_of(seen.statements, repository, seen.subject, subject)
    closed = [verdict for verdict in judge(evidence, target.gates, context.today, vex) if not verdict.passed]
    if closed:
        raise GateClosed(
            f"{target.name} is not promoted: its gate closes by today's policy",
            hint="patch the image, add an ignore with owner, reason and expiry, or attest VEX",
            detail="\n".join(reason for verdict in closed for reason in verdict.reasons),
        )
