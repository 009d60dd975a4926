"""One target through the chambers: recall or build, examine, judge, remember."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from pipeline.catalogue import Target
from pipeline.catalogue.dockerfiles.uses import BaseUse, find_bases
from pipeline.catalogue.generate import context_files, write
from pipeline.engine.build import BuildOrder, build, existing
from pipeline.errors import BuildError, LockageError
from pipeline.model import Descriptor, Digest
from pipeline.policy import Evidence, judge
from pipeline.release.layer import CONTEXT

from . import database as databases
from . import last
from .examine import examine, missing, tests_key
from .imported import take_over
from .known import known, size_of
from .locate import located
from .memory import Record, remember
from .normal import RAW, settle
from .results import Stage, Status, TargetResult
from .workshop import Workshop

if TYPE_CHECKING:
    import dagger


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
    image: dagger.Container | None = None
    if record:
        status, reason = Status.REUSED, "its key is known to the registry"
    elif target.external:
        record = await take_over(shop, target)
        status, reason = Status.BUILT, f"taken over from {target.external}"
    else:
        status, reason = Status.BUILT, await last.why(shop, target)
        image, record = await build_target(shop, target, bases, why=reason)
        made = last.build_of(shop.plan, target, revision=shop.revision.label, fresh=shop.fresh)
        if made:
            await last.leave(shop.registry, shop.builds, made)
    record, notes = await _examine(shop, target, record, image, database, until)
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
    )
    return Done(result, record)


async def build_target(
    shop: Workshop, target: Target, bases: Mapping[str, Digest], tag: str | None = None, *, why: str = ""
) -> tuple[dagger.Container, Record]:
    """Build one target on these bases and leave it, in its normal form, under `tag` (default: its key)."""
    if target.key is None:
        raise BuildError(f"{target.id} has no key: its bases are not locked", hint="lockage lock")
    async with shop.limits.builds:
        on = shop.others.get(target.platform)
        shop.report(
            target.id, Stage.BUILD, "; ".join(part for part in (f"on {on.name}" if on else "", why) if part)
        )
        client = await shop.engines.of(target.platform).client()
        context = await _context(shop, target, client)
        tag = tag or target.key
        order = BuildOrder(
            target=target.id,
            dockerfile=target.dockerfile_on(_references(shop, target, bases)),
            context=context,
            platform=target.platform,
            destination=shop.builds.tagged(f"{tag}{RAW}"),
            labels={**target.labels, **_moment(shop)},
            annotations={**target.labels, **_moment(shop), **_base_annotations(target, bases)},
            fresh=uuid.uuid4().hex if shop.fresh else None,
            epoch=shop.revision.created,
            hint=f"the Dockerfile comes from {target.template}; `lockage generate` writes it out",
        )
        try:
            container, digest = await build(client, order)
        except BuildError as fault:
            raise located(shop.plan, target, fault) from None
        manifest = await settle(shop, target, bases, digest, order.destination, tag)
    if manifest.digest != digest:
        container = existing(client, shop.builds.at(manifest.digest), target.platform)
    return container, Record(
        target.key, manifest.digest, Evidence(size_of(manifest)), revision=shop.revision.label
    )


async def _context(shop: Workshop, target: Target, client: dagger.Client) -> dagger.Directory:
    """The build context: the merged rootfs, written out under the target's key; the Dockerfile comes beside it."""
    files = {path: file for path, file in context_files(target).items() if path.startswith("rootfs")}
    if not files:
        return client.directory()
    folder = shop.contexts / str(target.key)
    await anyio.to_thread.run_sync(write, files, folder, shop.plan.source)
    await anyio.to_thread.run_sync(_set_times, folder, CONTEXT)
    return await shop.engines.of(target.platform).folder(folder)


def _set_times(folder: Path, epoch: int) -> None:
    """One time for all files, links themselves included: the engine's own call follows links and fails on them."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (epoch, epoch), follow_symlinks=False)


async def _examine(
    shop: Workshop,
    target: Target,
    record: Record,
    image: dagger.Container | None,
    database: SharedDatabase,
    until: Stage,
) -> tuple[Record, str]:
    """The record with what was missing in it, and a word on what was done."""
    wanted = _wanted(until)
    if not wanted:
        return record, ""
    todo = missing(shop, target, record.evidence, record.tests, await database.digest()) & wanted
    if not todo:
        return record, ""
    if image is None:
        client = await shop.engines.of(target.platform).client()
        image = existing(client, shop.builds.at(record.digest), target.platform)
    examined = await examine(shop, target, image, record.digest, record.evidence, todo, database.get)
    tests = tests_key(shop, target) if Stage.TEST in todo else record.tests
    record = replace(record, evidence=examined.evidence, tests=tests)
    record = await remember(shop.registry, shop.builds, record, examined.documents)
    return record, "examined again: " + ", ".join(sorted(todo, key=lambda s: s.number))


def _wanted(until: Stage) -> set[Stage]:
    """A single examination when it is asked for by name; all of them before anything is pushed."""
    examinations = {Stage.SCAN, Stage.SBOM, Stage.TEST}
    if until in examinations:
        return {until}
    return set() if until is Stage.BUILD else examinations


def _references(shop: Workshop, target: Target, bases: Mapping[str, Digest]) -> dict[str, str]:
    """What FROM shall say: this run's digests for internal bases, this site's addresses for external ones."""
    out = {}
    for base in target.bases:
        if base.target_id:
            out[base.target_id] = str(shop.builds.at(bases[base.target_id]))
        elif base.reference:
            out[base.name] = str(shop.mirrors.locate(base.reference).by_digest)
    return out


def _moment(shop: Workshop) -> dict[str, str]:
    """Labels that belong to this build (OCI image-spec v1.1, annotations.md); not part of the key."""
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(shop.revision.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    out = {"org.opencontainers.image.created": moment}
    if shop.revision.sha:
        out["org.opencontainers.image.revision"] = shop.revision.label
    return out


def _base_annotations(target: Target, bases: Mapping[str, Digest]) -> dict[str, str]:
    """The base of the last stage that stands on an image: its name and digest (annotations.md, base.*)."""
    last = next(
        (u.name for u in reversed(find_bases(target.dockerfile, target.platform).bases) if _from(u)), ""
    )
    base = next((b for b in target.bases if b.name == last), None)
    if base is None:
        return {}
    digest = bases[base.target_id] if base.target_id else base.reference.digest if base.reference else None
    out = {"org.opencontainers.image.base.name": base.name}
    return out | {"org.opencontainers.image.base.digest": str(digest)} if digest else out


def _from(use: BaseUse) -> bool:
    return use.instruction == "FROM"
