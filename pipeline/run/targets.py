"""One target through the chambers: recall or build, examine, judge, remember."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import anyio

from pipeline.catalogue import Target
from pipeline.engine.image import existing
from pipeline.errors import LockageError
from pipeline.model import Descriptor, Digest
from pipeline.policy import Evidence, judge

from . import database as databases
from . import last
from .building import build_target
from .examine import examine, missing, tests_key
from .imported import take_over
from .known import known, size_of
from .memory import Record, recall, remember
from .results import Stage, Status, TargetResult
from .workshop import Workshop


class SharedDatabase:
    """The vulnerability data of one run: looked up once, fetched only when a scan needs it."""

    def __init__(self, shop: Workshop) -> None:
        self._shop, self._lock = shop, anyio.Lock()
        self._reference = shop.mirrors.locate(shop.plan.project.vulnerability_db)
        self._found: Descriptor | None = None
        self._fetched: databases.Database | None = None

    async def digest(self) -> Digest:
        """Which data is today's."""
        async with self._lock:
            if self._found is None:
                self._found = await databases.current(self._shop.registry, self._reference)
            return self._found.digest

    async def get(self) -> databases.Database:
        """The data itself."""
        digest = await self.digest()
        async with self._lock:
            if self._fetched is None:
                self._fetched = await databases.fetch(
                    self._shop.registry, self._reference, digest, self._shop.cache
                )
            return self._fetched


@dataclass(frozen=True, slots=True)
class Done:
    """A target's result with the record that stands behind it; `record` is None when there is no digest."""

    result: TargetResult
    record: Record | None = None


async def process(
    shop: Workshop, target: Target, bases: Mapping[str, Digest], database: SharedDatabase, until: Stage
) -> Done:
    """Everything about one target up to its verdict. Faults become results; only cancellation passes through.

    `bases` are the digests of the internal bases, by target id.
    """
    began = time.monotonic()
    base = TargetResult(target.id, target.image, target.tag, str(target.platform), Status.FAILED, "")
    try:
        done = await _process(shop, target, bases, database, until, base)
    except LockageError as fault:
        done = Done(replace(base, reason=fault.message, fault=fault))
    if done.result.status is not Status.CLOSED:  # which was said with its reason
        shop.report(target.id, str(done.result.status), "")
    return replace(done, result=replace(done.result, seconds=time.monotonic() - began))


async def _process(
    shop: Workshop,
    target: Target,
    bases: Mapping[str, Digest],
    database: SharedDatabase,
    until: Stage,
    base: TargetResult,
) -> Done:
    record = None if shop.fresh or not target.key else await known(shop, target.key)
    if record:
        status, reason = Status.REUSED, "its key is known to the registry"
    elif target.external:
        record = await take_over(shop, target)
        status, reason = Status.BUILT, f"taken over from {target.external}"
    else:
        status, reason = Status.BUILT, await _reason(shop, target)
        record = await build_target(shop, target, bases, why=reason)
        made = last.build_of(shop.plan, target, revision=shop.revision.label, fresh=shop.fresh)
        if made:
            await last.leave(shop.registry, shop.builds, made)
    built = status is Status.BUILT
    record, notes = await _examine(shop, target, record, database, until, built=built)
    shop.kept.note(record)
    # Tests that were taken out of the catalogue do not go on judging the image.
    evidence = record.evidence if target.test else replace(record.evidence, tests=None)
    verdicts = judge(evidence, shop.policy(target), shop.today) if until is not Stage.BUILD else ()
    closed = [v for v in verdicts if not v.passed]
    if closed:
        status, reason = Status.CLOSED, f"gate closed: {', '.join(v.gate for v in closed)}"
        shop.report(target.id, "closed", "; ".join(v.reasons[0] for v in closed if v.reasons))
    elif notes and status is Status.REUSED:
        reason = f"its key is known; {notes}"
    result = replace(
        base,
        status=status,
        reason=reason,
        digest=record.digest,
        evidence=evidence,
        verdicts=verdicts,
        warnings=record.warnings,
    )
    return Done(result, record)


async def _reason(shop: Workshop, target: Target) -> str:
    """Why a target is built, in one line."""
    if shop.fresh:
        return "rebuild requested"
    return await last.why(shop.registry, shop.builds, shop.plan, target)


async def _examine(
    shop: Workshop,
    target: Target,
    record: Record,
    database: SharedDatabase,
    until: Stage,
    *,
    built: bool = False,
) -> tuple[Record, str]:
    """The record with what was missing in it, and a word on what was done.

    Where this run `built` the target, somebody else may have done so meanwhile: the key's tag decides whose it is.
    """
    wanted = _wanted(until)
    if not wanted:
        return (await _others(shop, record) if built else None) or record, ""
    todo = missing(shop, target, record.evidence, record.tests, await database.digest()) & wanted
    if not todo:
        return record, ""
    client = await shop.engines.of(target.platform).client()
    image = existing(client, shop.builds.at(record.digest), target.platform)
    examined = await examine(shop, target, image, record.digest, record.evidence, todo, database.get)
    if built and (theirs := await _others(shop, record)):
        return await _examine(shop, target, theirs, database, until)
    tests = tests_key(shop, target) if Stage.TEST in todo else record.tests
    record = replace(record, evidence=examined.evidence, tests=tests)
    record = await remember(shop.registry, shop.builds, record, examined.documents)
    return record, "examined again: " + ", ".join(sorted(todo, key=lambda s: s.number))


async def _others(shop: Workshop, record: Record) -> Record | None:
    """What another machine made of the same key at the same time and has put in its place; None if nobody did."""
    if shop.fresh:
        return None
    now = await shop.registry.get_manifest(shop.builds.tagged(record.key))
    if now is None or now.digest == record.digest:
        return None
    theirs = await recall(shop.registry, shop.builds, record.key)
    same = theirs is not None and theirs.digest == now.digest
    return theirs if same else Record(record.key, now.digest, Evidence(size_of(now)))


def _wanted(until: Stage) -> set[Stage]:
    """A single examination when it is asked for by name; all of them before anything is pushed."""
    examinations = {Stage.SCAN, Stage.SBOM, Stage.TEST}
    if until in examinations:
        return {until}
    return set() if until is Stage.BUILD else examinations
