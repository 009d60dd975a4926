"""One target through the chambers: recall or build, examine, judge, remember."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import anyio

from pipeline.engine.image import existing
from pipeline.errors import LockageError
from pipeline.model import Descriptor, Digest
from pipeline.plan import Target
from pipeline.policy import Evidence, judge
from pipeline.state import build_inputs
from pipeline.state.records import Record, read_record, write_record

from ..context import RunContext
from ..known_records import known, size_of
from ..results import Stage, Status, TargetResult
from . import vulnerability_database as databases
from .build import build_target
from .examine import examine, missing, tests_key
from .external import import_external


class SharedDatabase:
    """The vulnerability data of one run: looked up once, fetched only when a scan needs it."""

    def __init__(self, context: RunContext) -> None:
        self._shop, self._lock = context, anyio.Lock()
        self._reference = context.mirrors.locate(context.plan.project.vulnerability_db)
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
class TargetOutcome:
    """A target's result with the record that stands behind it; `record` is None when there is no digest."""

    result: TargetResult
    record: Record | None = None


async def process(
    context: RunContext, target: Target, bases: Mapping[str, Digest], database: SharedDatabase, until: Stage
) -> TargetOutcome:
    """Everything about one target up to its verdict. Faults become results; only cancellation passes through.

    `bases` are the digests of the internal bases, by target id.
    """
    began = time.monotonic()
    base = TargetResult(target.id, target.image, target.tag, str(target.platform), Status.FAILED, "")
    try:
        done = await _process(context, target, bases, database, until, base)
    except LockageError as fault:
        done = TargetOutcome(replace(base, reason=fault.message, fault=fault))
    if done.result.status is not Status.CLOSED:  # which was said with its reason
        context.report(target.id, str(done.result.status), "")
    return replace(done, result=replace(done.result, seconds=time.monotonic() - began))


async def _process(
    context: RunContext,
    target: Target,
    bases: Mapping[str, Digest],
    database: SharedDatabase,
    until: Stage,
    base: TargetResult,
) -> TargetOutcome:
    record = None if context.fresh or not target.key else await known(context, target.key)
    if record:
        status, reason = Status.REUSED, "its key is known to the registry"
    elif target.external:
        record = await import_external(context, target)
        status, reason = Status.BUILT, f"taken over from {target.external}"
    else:
        status, reason = Status.BUILT, await _reason(context, target)
        record = await build_target(context, target, bases, why=reason)
        made = build_inputs.build_of(
            context.plan, target, revision=context.revision.label, fresh=context.fresh
        )
        if made:
            await build_inputs.write_build_inputs(context.registry, context.builds, made)
    built = status is Status.BUILT
    record, notes = await _examine(context, target, record, database, until, built=built)
    context.kept.note(record)
    # Tests that were taken out of the catalogue do not go on judging the image.
    evidence = record.evidence if target.test else replace(record.evidence, tests=None)
    verdicts = judge(evidence, target.gates, context.today) if until is not Stage.BUILD else ()
    closed = [v for v in verdicts if not v.passed]
    if closed:
        status, reason = Status.CLOSED, f"gate closed: {', '.join(v.gate for v in closed)}"
        context.report(target.id, "closed", "; ".join(v.reasons[0] for v in closed if v.reasons))
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
    return TargetOutcome(result, record)


async def _reason(context: RunContext, target: Target) -> str:
    """Why a target is built, in one line."""
    if context.fresh:
        return "rebuild requested"
    return await build_inputs.rebuild_reason(context.registry, context.builds, context.plan, target)


async def _examine(
    context: RunContext,
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
        return (await _others(context, record) if built else None) or record, ""
    todo = missing(context, target, record.evidence, record.tests, await database.digest()) & wanted
    if not todo:
        return record, ""
    client = await context.engines.of(target.platform).client()
    image = existing(client, context.builds.at(record.digest), target.platform)
    examined = await examine(context, target, image, record.digest, record.evidence, todo, database.get)
    if built and (theirs := await _others(context, record)):
        return await _examine(context, target, theirs, database, until)
    tests = tests_key(context, target) if Stage.TEST in todo else record.tests
    record = replace(record, evidence=examined.evidence, tests=tests)
    record = await write_record(context.registry, context.builds, record, examined.documents)
    return record, "examined again: " + ", ".join(sorted(todo, key=lambda s: s.number))


async def _others(context: RunContext, record: Record) -> Record | None:
    """What another machine made of the same key at the same time and has put in its place; None if nobody did."""
    if context.fresh:
        return None
    now = await context.registry.get_manifest(context.builds.tagged(record.key))
    if now is None or now.digest == record.digest:
        return None
    theirs = await read_record(context.registry, context.builds, record.key)
    same = theirs is not None and theirs.digest == now.digest
    return theirs if same else Record(record.key, now.digest, Evidence(size_of(now)))


def _wanted(until: Stage) -> set[Stage]:
    """A single examination when it is asked for by name; all of them before anything is pushed."""
    examinations = {Stage.SCAN, Stage.SBOM, Stage.TEST}
    if until in examinations:
        return {until}
    return set() if until is Stage.BUILD else examinations
