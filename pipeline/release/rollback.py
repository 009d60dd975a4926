"""Rollbacks: every tag of images back to where the ledger says it was; verified and judged first, recorded after."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline.errors import GateClosed, LockageError, RegistryError, UsageError
from pipeline.model import Digest
from pipeline.oci.index import is_attestation
from pipeline.policy.tag_moves import NOT_OURS, TagAction, TagDecision, TagState
from pipeline.run.gates.rules import check_rules
from pipeline.run.publish.channels import describe_environments
from pipeline.run.publish.environment_tags import Candidate, PlannedTags, perform_recorded, refuse
from pipeline.run.publish.promotion import KeptTag, Promotion, TagMove, any_moves
from pipeline.run.publish.publication import Destination
from pipeline.run.secondary.follow import (
    SecondaryPlan,
    SecondaryResult,
    copy_to_secondaries,
    move_in_secondaries,
    plan_secondaries,
)
from pipeline.state.ledger import Ledger, TagChange, completed, load_ledger, write_entry
from pipeline.trust import examine, verify
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass

from .attested_image import AttestedImage
from .history import read_history
from .judge import judge_published
from .recorded_state import (
    ROLLBACK,
    RecordedState,
    last_promoted,
    named_state,
    previous_state,
    promoted_state,
)
from .rescan import gates_of
from .todays_scan import PlannedScan, TodaysScan, TodaysScans, scan_and_attest

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.model import Gates, Repository
    from pipeline.run.context import RunContext
    from pipeline.state.ledger import LedgerEntry


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """What to roll back: `images` to an entry or a digest, by default to the state before; `reason` is recorded.

    Where no image is named, these are all that the entry or digest has; without one, those that the last promotion
    moved. `accept` is the reason for which gates that close do not count.
    """

    environment: Environment
    images: tuple[str, ...] = ()
    to: str = ""
    reason: str = ""
    accept: str = ""


@dataclass(frozen=True, slots=True)
class ImageRollback:
    """The rollback of one image: its moves by digest, the tags that stay, and the entry that it goes back to.

    `pinned` is false where it goes forward to what was promoted last.
    """

    image: str
    entry: int
    planned: tuple[PlannedTags, ...]
    kept: tuple[KeptTag, ...]
    pinned: bool

    @property
    def moves(self) -> tuple[TagMove, ...]:
        """The tags that move."""
        return tuple(move for plan in self.planned for move in plan.promotion.moves)

    def to_json(self) -> dict[str, Any]:
        """The rollback as data."""
        return {
            "image": self.image,
            "entry": self.entry,
            "moves": [move.to_json() for move in self.moves],
            "kept": [tag.to_json() for tag in self.kept],
            "pinned": self.pinned,
        }


class Rollbacks:
    """The rollback of a set of images in an environment: all of them, or none. `secondaries` is what became of it at
    secondary registries, once planned or performed."""

    def __init__(self, context: RunContext, request: RollbackRequest) -> None:
        self._context, self._request = context, request
        self._environment = request.environment
        self.secondaries: tuple[SecondaryResult, ...] = ()

    async def perform(
        self, *, only_plan: bool = False, agree: Callable[[Sequence[TagMove]], None] = any_moves
    ) -> list[ImageRollback]:
        """Plan, verify and judge; then, unless `only_plan`, record and move the tags, if `agree` lets these moves pass.

        Raises UsageError, RegistryError for images that are gone, SignatureRefused, GateClosed, TagsRefused.
        """
        context, request = self._context, self._request
        history = await read_history(context, self._environment)
        ledger = await load_ledger(context.store(), self._environment.name)
        images = request.images or self._unnamed(history.entries, ledger)
        states = {image: self._state(history.entries, image) for image in images}
        planned = await each(partial(self._plan, ledger, history.entries), states.items())
        refuse(plan for one in planned for plan in one.planned)
        groups = [plan for one in planned for plan in one.planned]
        following = await plan_secondaries(context, self._environment, groups)
        self.secondaries = tuple(map(SecondaryResult.of, following))
        moves = [move for one in planned for move in one.moves]
        agree(moves + [move for one in self.secondaries for move in one.moves])
        await self._check(planned)
        moving = [one for one in planned if one.moves]
        if only_plan:
            return planned
        if moving:
            await self._perform(ledger, moving, following)
        else:
            await self._complete(ledger)
        return planned

    async def _complete(self, ledger: Ledger) -> None:
        """Record that a rollback is complete which was interrupted after its last tag had moved."""
        entry = ledger.newest
        if entry is None or entry.complete or entry.act.command != ROLLBACK:
            return

        async def has_moved(change: TagChange) -> bool:
            repository = self._context.repository(self._environment, change.image)
            head = await self._context.registry.head(repository.tagged(change.tag))
            return head is not None and head.digest == change.after

        if all(await each(has_moved, entry.changes)):
            done = completed(entry, [change.name for change in entry.changes])
            await write_entry(self._context.store(), replace(ledger, layers=ledger.layers[1:]), done)

    def _unnamed(self, entries: Sequence[LedgerEntry], ledger: Ledger) -> tuple[str, ...]:
        to, name = self._request.to, self._environment.name
        known = sorted({tag.rpartition(":")[0] for tag in ledger.tags})
        affected = tuple(i for i in known if named_state(entries, i, to)) if to else last_promoted(entries)
        if not affected:
            what = f"has no {to}" if to else "has no promotion"
            raise UsageError(f"the ledger of {name} {what}", hint=f"lockage history --env {name}")
        return affected

    def _state(self, entries: Sequence[LedgerEntry], image: str) -> RecordedState:
        to, name = self._request.to, self._environment.name
        state = named_state(entries, image, to) if to else previous_state(entries, image)
        if state is None:
            what = f"has no state {to}" if to else "has no state before the one of today"
            raise UsageError(
                f"{image} {what} in the ledger of {name}",
                hint=f"lockage history --env {name} {image} lists what there was; --to ENTRY or --to sha256:…",
            )
        return state

    async def _plan(
        self, ledger: Ledger, entries: Sequence[LedgerEntry], wanted: tuple[str, RecordedState]
    ) -> ImageRollback:
        image, state = wanted
        repository = self._context.repository(self._environment, image)
        prefix = f"{image}:"
        names = [n.removeprefix(prefix) for n in ledger.tags if n.startswith(prefix)]
        heads = await each(lambda tag: self._context.registry.head(repository.tagged(tag)), names)
        now = {tag: head.digest if head else None for tag, head in zip(names, heads, strict=True)}
        groups: dict[tuple[Digest, str], list[TagMove]] = {}
        kept, refused = [], []
        for tag, digest in now.items():
            left, back = ledger.left(image, tag), state.tags.get(tag)
            if back is None or back.digest is None:
                kept.append(KeptTag(repository.tagged(tag), digest, "written since, and left alone"))
                continue
            current = TagState(digest, left)
            if digest == back.digest:
                continue
            if not current.is_ours and not self._context.promotion.force:
                refused.append(TagDecision(tag, TagAction.REFUSE, current, NOT_OURS))
            move = TagMove(repository.tagged(tag), digest, back.digest)
            groups.setdefault((back.digest, back.version), []).append(move)
        planned = tuple(
            self._group(image, repository, to, moves, tuple(refused)) for to, moves in groups.items()
        )
        promoted = promoted_state(entries, image)
        pinned = promoted is None or not promoted.same_as(state)
        return ImageRollback(image, state.entry, planned, tuple(kept), pinned)

    def _group(
        self,
        image: str,
        repository: Repository,
        to: tuple[Digest, str],
        moves: Sequence[TagMove],
        refused: tuple[TagDecision, ...],
    ) -> PlannedTags:
        digest, version = to
        tags = tuple(move.reference.tag or "" for move in moves)
        destination = Destination(self._environment, repository, tags)
        candidate = Candidate(image, version, repository, digest, destination)
        return PlannedTags(candidate, Promotion(repository, digest, repository, tuple(moves), ()), refused)

    async def _check(self, planned: Iterable[ImageRollback]) -> None:
        """Verify each digest that tags go back to, and judge it by today's policy."""
        groups = [plan for one in planned for plan in one.planned]
        images = [pair for pairs in await each(self._verified, groups) for pair in pairs]
        scans = TodaysScans(self._context)
        signed = self._environment.data == "signed"
        for _, image in images:
            if signed and image.scan is None:
                raise GateClosed(
                    f"{image.reference} has no signed findings",
                    hint="data: today of the environment scans it",
                )

        async def prepare(pair: tuple[PlannedTags, AttestedImage]) -> PlannedScan:
            plan, image = pair
            return await (PlannedScan.without_scan(image) if signed else scans.plan(image, self._gates(plan)))

        made = await scan_and_attest(self._context, scans, await each(prepare, images))
        reasons = [
            line for (plan, _), scan in zip(images, made, strict=True) for line in self._closed(plan, scan)
        ]
        if reasons and not self._request.accept:
            raise GateClosed(
                f"{reasons[0]}" if len(reasons) == 1 else f"{len(reasons)} reasons close gates",
                hint='--accept "REASON" rolls back all the same; the reason is recorded',
                detail="\n".join(reasons),
            )

    async def _verified(self, plan: PlannedTags) -> list[tuple[PlannedTags, AttestedImage]]:
        context, candidate = self._context, plan.candidate
        registry, repository, digest = context.registry, candidate.source, candidate.digest
        manifest = await registry.get_manifest(repository.at(digest))
        if manifest is None:
            raise RegistryError(
                f"{repository.at(digest)} is gone, so that nothing can go back to it",
                hint="--to another entry; or build that version again",
            )
        of_index = await verify(registry, repository, digest, context.signatory)
        if rules := context.rules.get(self._environment.name):
            now = int(time.time())
            (await check_rules(registry, repository.at(digest), rules, now)).refuse()
        verified = []
        for child in manifest.children:
            if child.platform is None or is_attestation(child):
                continue
            seen = await examine(registry, repository, child.digest, context.signatory)
            name = f"{candidate.name} ({child.platform})"
            verified.append((plan, AttestedImage(name, repository, child, seen.statements, of_index)))
        return verified

    def _gates(self, plan: PlannedTags) -> Gates:
        return gates_of(self._context, plan.candidate.image, plan.candidate.destination.tags)

    def _closed(self, plan: PlannedTags, scan: TodaysScan) -> list[str]:
        verdicts = judge_published(self._context, plan.candidate.image, self._gates(plan), scan)
        return [f"{scan.image.name}: {reason}" for v in verdicts if not v.passed for reason in v.reasons]

    async def _perform(
        self, ledger: Ledger, rollbacks: Sequence[ImageRollback], following: Sequence[SecondaryPlan]
    ) -> None:
        request = self._request
        accepted = f"accepted: {request.accept}" if request.accept else ""
        reason = "; ".join(part for part in (request.reason, accepted) if part)
        options = replace(self._context.promotion, backwards=reason)
        context = replace(self._context, promotion=options)
        planned = [plan for one in rollbacks for plan in one.planned]
        pins = self._pins(ledger.pins, rollbacks)
        store, following = context.store(), await copy_to_secondaries(context, following)
        results = await perform_recorded(context, store, ledger, planned, ROLLBACK, pins)
        await describe_environments(context, store)
        for result in results:
            if isinstance(result, LockageError):
                raise result
        self.secondaries = await move_in_secondaries(context, store, following, ROLLBACK)

    def _pins(self, pins: Mapping[str, str], rollbacks: Iterable[ImageRollback]) -> dict[str, str]:
        """Images that were rolled back stay there, until they are rolled forward or `--unpin` promotes them."""
        out = dict(pins)
        for one in rollbacks:
            out.pop(one.image, None)
            if one.pinned:
                out[one.image] = f"rolled back to entry {one.entry}: {self._request.reason}"
        return out
