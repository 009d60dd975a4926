"""The tags of an environment: planned by its rules and its ledger, recorded there, then moved."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.errors import Exit, LockageError
from pipeline.model import Digest, Reference, Repository
from pipeline.policy.tag_moves import (
    Permissions,
    TagAction,
    TagDecision,
    WantedTags,
    decide,
    is_revised,
    refused,
)
from pipeline.state.ledger import Act, TagChange, completed, write_entry
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass
from pipeline.util.progress import ProgressState
from pipeline.util.timestamps import format_timestamp

from ..gates.rules import check_rules
from .approval import refuse_unapproved
from .promotion import KeptTag, Promotion, TagMove, copy_image, move_tags
from .promotion_attestation import attest
from .tag_states import CurrentTags

if TYPE_CHECKING:
    from pipeline.state.ledger import Ledger
    from pipeline.state.store import Store

    from ..context import RunContext
    from .publication import Destination


Moved = tuple[TagMove, ...] | LockageError
"""The moves of a promotion, or the fault that ended it."""


class TagsRefused(LockageError):
    """A tag is not where Lockage left it, or is immutable; none of its image tag was moved."""

    exit_code = Exit.GATE


@dataclass(frozen=True, slots=True)
class Candidate:
    """The digest of an image tag that is to get the tags of an environment. `version` is the one of them that is its
    own; that of a `release` never moves."""

    image: str
    version: str
    source: Repository
    digest: Digest
    destination: Destination
    release: bool = False

    @property
    def name(self) -> str:
        """`image:tag`."""
        return f"{self.image}:{self.version}"


@dataclass(frozen=True, slots=True)
class PlannedTags:
    """The promotion of a candidate, and the tags that keep it from being performed."""

    candidate: Candidate
    promotion: Promotion
    refused: tuple[TagDecision, ...] = ()

    @property
    def changes(self) -> tuple[TagChange, ...]:
        """What the ledger records of it."""
        image, version = self.candidate.image, self.candidate.version
        return tuple(
            TagChange(image, move.reference.tag or "", move.before, move.after, version)
            for move in self.promotion.moves
        )

    @property
    def named(self) -> tuple[Reference, ...]:
        """The tags that name the digest once it is promoted: those of the plan first."""
        named, plain = set(self.promotion.named), self.candidate.destination.references
        return (*(ref for ref in plain if ref in named), *sorted(named.difference(plain), key=str))


async def plan_tags(context: RunContext, ledger: Ledger, candidate: Candidate) -> PlannedTags:
    """What promoting a candidate writes: one HEAD for each tag, then as `decide_tags`. Where tags move, the candidate
    has to meet the environment's rules.

    Raises SignatureRefused, RegistryError.
    """
    planned = await decide_tags(context, ledger, candidate, await tag_digests(context, candidate))
    await meet_rules(context, planned)
    return planned


async def tag_digests(context: RunContext, candidate: Candidate) -> dict[str, Digest | None]:
    """What each tag names now that the candidate is to get. Raises RegistryError."""
    references = candidate.destination.references
    heads = await each(context.registry.head, references)
    named = (head.digest if head else None for head in heads)
    return dict(zip(candidate.destination.tags, named, strict=True))


async def decide_tags(
    context: RunContext, ledger: Ledger, candidate: Candidate, named: Mapping[str, Digest | None]
) -> PlannedTags:
    """What promoting a candidate writes where its tags name these digests. Of a tag that the ledger does not have,
    signatures say whether it is ours. Raises RegistryError."""
    environment, repository = candidate.destination.environment, candidate.destination.repository
    wanted = WantedTags(candidate.digest, candidate.version, candidate.destination.tags, candidate.release)
    tags = CurrentTags(context, ledger, candidate, named)
    states = {tag: await tags.state(tag) for tag in wanted.tags}
    own = states.get(wanted.version)
    if (
        own
        and is_revised(wanted, wanted.version, environment.tags)
        and own.written not in (None, wanted.digest)
    ):
        tag, state = await tags.revision()
        states[tag] = state
    options = context.promotion
    pinned = "" if options.unpin else ledger.pins.get(candidate.image, "")
    permissions = Permissions(options.force, options.backwards, pinned)
    decisions = decide(wanted, states, environment.tags, permissions)
    promotion = Promotion(
        candidate.source,
        candidate.digest,
        repository,
        tuple(
            TagMove(repository.tagged(d.tag), d.state.now, candidate.digest)
            for d in decisions
            if d.action is TagAction.MOVE
        ),
        tuple(repository.tagged(d.tag) for d in decisions if d.action is TagAction.IN_PLACE),
        tuple(
            KeptTag(repository.tagged(d.tag), d.state.now, d.reason)
            for d in decisions
            if d.action is TagAction.KEEP
        ),
    )
    return PlannedTags(candidate, promotion, refused(decisions))


def up_to_date(candidate: Candidate) -> PlannedTags:
    """A candidate whose tags name it already: whatever the rules and the ledger say, nothing is written."""
    destination = candidate.destination
    promotion = Promotion(
        candidate.source, candidate.digest, destination.repository, (), destination.references
    )
    return PlannedTags(candidate, promotion)


async def meet_rules(context: RunContext, planned: PlannedTags) -> None:
    """Raises SignatureRefused for a candidate that the environment's rules keep out; nothing where no tag moves."""
    candidate = planned.candidate
    rules = context.rules.get(candidate.destination.environment.name)
    if planned.promotion.moves and rules:
        reference, now = candidate.source.at(candidate.digest), int(time.time())
        (await check_rules(context.registry, reference, rules, now)).refuse()


def refuse(planned: Iterable[PlannedTags]) -> None:
    """Raises TagsRefused for every tag that must not be moved."""
    refused = [(one, decision) for one in planned for decision in one.refused]
    if not refused:
        return
    lines = [_line(one.candidate, decision) for one, decision in refused]
    drifted = [decision for _, decision in refused if decision.drifted]
    hints = ["find out who moved it; --force overwrites it"] if drifted else []
    if len(drifted) < len(refused):
        hints.append(
            "publish a new version; or see immutable: and rebuilt: of the environment in lockage.yml"
        )
    environment = refused[0][0].candidate.destination.environment.name
    raise TagsRefused(
        lines[0] if len(lines) == 1 else f"{len(lines)} tags of {environment} must not be moved",
        hint="; ".join(hints),
        detail="\n".join(lines) if len(lines) > 1 else None,
    )


async def copy_images(context: RunContext, planned: Sequence[PlannedTags]) -> list[Moved]:
    """Copy the image of each promotion to where its tags will be, before any tag of theirs moves. The fault that ended
    it, or no move."""

    async def one(plan: PlannedTags) -> Moved:
        try:
            await copy_image(context.registry, plan.promotion)
        except LockageError as fault:
            return fault
        return ()

    return await each(one, planned)


async def perform_recorded(
    context: RunContext,
    store: Store,
    ledger: Ledger,
    planned: Sequence[PlannedTags],
    command: str,
    pins: Mapping[str, str] | None = None,
) -> list[Moved]:
    """Move the tags of promotions whose images were copied: for each the moves, or the fault that ended it. The ledger
    has them before and after. `pins` replace those of the ledger. Callers describe the environments afterwards
    (`describe_environments`).

    Raises ApprovalMissing, UsageError without a key to sign with, RegistryError; then nothing was moved.
    """
    if not planned:
        return []
    options = context.promotion
    refuse_unapproved(planned[0].candidate.destination.environment, options.plan)

    async def move(plan: PlannedTags) -> Moved:
        try:
            return await move_tags(context.registry, plan.promotion)
        except LockageError as fault:
            return fault

    changes = [change for plan in planned for change in plan.changes]
    if not changes:
        return [()] * len(planned)
    now = format_timestamp(int(datetime.now(UTC).timestamp()))
    act = Act(command, options.author, now, context.revision.label, options.backwards)
    if options.plan:
        act = options.plan.named_in(act, ledger.environment)
    if pins is None and options.unpin:
        moving = {change.image for change in changes}
        pins = {image: reason for image, reason in ledger.pins.items() if image not in moving}
    entry = ledger.next(act, changes, pins)
    await write_entry(store, ledger, entry)
    if planned[0].candidate.destination.environment.attest:
        await attest(context, entry, planned)
    results = await each(move, planned)
    pairs = zip(planned, results, strict=True)
    moved = [c.name for plan, result in pairs if not isinstance(result, LockageError) for c in plan.changes]
    try:
        await write_entry(store, ledger, completed(entry, moved))
    except LockageError as fault:
        name = ledger.environment
        context.tell("", ProgressState.WARNING, f"the ledger of {name} is not completed: {fault.message}")
    return results


def adjusted(planned: PlannedTags) -> Mapping[str, tuple[Digest | None, str]]:
    """The tags that rules made differ from those of the plan: where they are now, and why."""
    promotion, plain = planned.promotion, set(planned.candidate.destination.references)
    kept = {str(tag.reference): (tag.digest, tag.reason) for tag in promotion.kept}
    more = {str(ref): (promotion.digest, "") for ref in promotion.named if ref not in plain}
    return {**kept, **more}


def _line(candidate: Candidate, decision: TagDecision) -> str:
    reference, state = candidate.destination.repository.tagged(decision.tag), decision.state
    if decision.drifted:
        left = state.left.digest if state.left else None
        return f"{reference}  {_text(left)} → {_text(state.now)}, {decision.reason}"
    return f"{reference}  {_text(state.written)} → {_text(candidate.digest)} refused: {decision.reason}"


def _text(digest: Digest | None) -> str:
    return str(digest) if digest else "nothing"
