"""export: what was built, as archives in dist/; from the repository of builds alone, without an engine."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial

import anyio

from pipeline.catalogue import Target
from pipeline.errors import Exit, RegistryError
from pipeline.model import Repository
from pipeline.policy import judge
from pipeline.registry import Registry
from pipeline.registry.together import each
from pipeline.release.export import Child, Exported, export_image
from pipeline.run import Workshop
from pipeline.run.memory import Record, recall

from . import loop, show
from .assemble import workshop
from .place import place
from .progress import Progress

_AT_ONCE = 4
_SBOM = "cyclonedx-json"


def export(options: argparse.Namespace) -> int:
    """Write the archives; stdout is their paths, one a line."""
    files = loop.run(partial(_export, options))
    if options.json:
        show.data({"files": [_as_data(file) for file in files]})
    else:
        for file in files:
            show.out(f"{file.path}\n")
    written = [file for file in files if file.written]
    show.say(f"{len(files)} files, {len(written)} written, {show.size(sum(f.size for f in written))}")
    return Exit.OK


async def _export(options: argparse.Namespace) -> list[Exported]:
    report = Progress()
    whole = not (options.platform or options.only)
    async with place(options, report) as here, workshop(options, here, report) as shop:
        groups = [group for _, group in shop.plan.groups()]
        known = await each(lambda g: _recalled(shop.registry, shop.builds, g), groups)
        _refuse_missing(groups, known)
        for group, records in zip(groups, known, strict=True):
            _note_gates(shop, group, records)
        limit, out = anyio.CapacityLimiter(_AT_ONCE), options.root / options.output

        async def one(number: int) -> tuple[Exported, ...]:
            target, children = groups[number][0], _children(groups[number], known[number])
            async with limit:
                report(target.name, "export", f"{len(children)} platforms")
                folder = out / target.image / target.tag
                return await export_image(
                    shop.registry, shop.builds, children, folder, target.image, target.tag, whole=whole
                )

        return [file for files in await each(one, range(len(groups))) for file in files]


async def _recalled(registry: Registry, builds: Repository, group: Sequence[Target]) -> list[Record | None]:
    async def one(target: Target) -> Record | None:
        return await recall(registry, builds, target.key) if target.key else None

    return await each(one, group)


def _refuse_missing(groups: Sequence[Sequence[Target]], known: Sequence[Sequence[Record | None]]) -> None:
    missing = [
        target
        for group, records in zip(groups, known, strict=True)
        for target, record in zip(group, records, strict=True)
        if record is None
    ]
    if missing:
        names = " ".join(dict.fromkeys(f"{target.image}:{target.tag}" for target in missing))
        raise RegistryError(
            f"not built yet, or changed since: {len(missing)} target{'s' if len(missing) > 1 else ''}",
            hint=f"lockage build {names if len(names) < 200 else ''}".rstrip()
            + "; then lockage export again",
            detail="\n".join(target.id for target in missing),
        )


def _note_gates(shop: Workshop, group: Sequence[Target], records: Sequence[Record | None]) -> None:
    """An archive may be wanted of what did not pass, but nobody shall take it for something that did."""
    for target, record in zip(group, records, strict=True):
        verdicts = judge(record.evidence, shop.policy(target), shop.today) if record else ()
        for verdict in verdicts:
            if not verdict.passed:
                show.say(f"note: {target.id}: the gate {verdict.gate} is closed; exported all the same")


def _children(group: Sequence[Target], records: Sequence[Record | None]) -> list[Child]:
    pairs = zip(group, records, strict=True)
    return [Child(t.platform, r.digest, r.documents.get(_SBOM)) for t, r in pairs if r is not None]


def _as_data(file: Exported) -> dict[str, object]:
    return {
        "path": str(file.path),
        "digest": str(file.digest),
        "size": file.size,
        "written": file.written,
    }
