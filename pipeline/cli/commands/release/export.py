"""export: write built images to dist/ as archives; from the repository of builds alone, without an engine."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import Exit, RegistryError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group
from ...command import Command
from ...common_options import CatalogueOptions, CommonOptions, output_option
from ...output import console

if TYPE_CHECKING:
    from pipeline.bundle.export import Exported, ExportedPlatform
    from pipeline.plan import Target
    from pipeline.run import RunContext
    from pipeline.state.record import Record

_CONCURRENT_IMAGES = 4
_SBOM = "cyclonedx-json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What `export` understands."""

    common: CommonOptions = group(CommonOptions)
    catalogue: CatalogueOptions = group(CatalogueOptions)
    output: Path = output_option(Path("dist"), "folder (default: dist)")
    sign: bool = flag(
        "--sign", help="sign files of images whose gates are open, and attest what is in archives"
    )


@dataclass(frozen=True, slots=True)
class BuiltTarget:
    """A target of the plan with the record of its build."""

    target: Target
    record: Record


@dataclass(frozen=True, slots=True)
class ExportedTag:
    """The files of one image tag, signatures and provenance among them, and whether its gates are open."""

    files: tuple[Exported, ...]
    passed: bool


def export(options: ExportOptions) -> int:
    """Write the archives; stdout is their paths, one a line. With `--sign`, exit code 7 if a closed gate left any
    unsigned."""
    from ... import signals
    from ...proposals import require_reviewed

    if options.sign:
        require_reviewed("export --sign")
    images = signals.run(partial(_export, options))
    files = [file for image in images for file in image.files]
    if options.common.json:
        console.print_json({"files": [_to_json(file) for file in files]})
    else:
        for file in files:
            console.print_line(str(file.path))
    written = [file for file in files if file.written]
    size = console.human_size(sum(file.size for file in written))
    console.message(f"{len(files)} files, {len(written)} written, {size}")
    return Exit.OK if all(image.passed for image in images) or not options.sign else Exit.GATE


async def _export(options: ExportOptions) -> list[ExportedTag]:
    import anyio

    from pipeline.bundle.export import ExportedImage, export_image
    from pipeline.util.concurrency import each
    from pipeline.util.progress import ProgressEvent, ProgressState

    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...run_context import RunRequest, open_run

    report, selection = Progress(), options.catalogue.selection
    whole = not (selection.platforms or selection.only)
    request = RunRequest(PlanRequest.of(options.common, options.catalogue))
    async with open_run("export", request, report) as context:
        images = await _built_images(context)
        limiter, output = anyio.CapacityLimiter(_CONCURRENT_IMAGES), options.common.root / options.output

        async def export_one(image: Sequence[BuiltTarget]) -> ExportedTag:
            target = image[0].target
            async with limiter:
                passed = await _note_closed_gates(context, image, signs=options.sign)
                report(ProgressEvent(target.name, ProgressState.EXPORT, f"{len(image)} platforms"))
                files = await export_image(
                    context.registry,
                    context.builds,
                    ExportedImage(target.image, target.tag, [_platform(built) for built in image]),
                    output / target.image / target.tag,
                    whole=whole and len(image) == len(context.whole.get(target.name, image)),
                    root=options.common.root,
                )
                signatures: tuple[Exported, ...] = ()
                if options.sign and passed:
                    signatures = await _sign(context, image, files, options.common.root)
                return ExportedTag((*files, *signatures), passed)

        return await each(export_one, images)


async def _sign(
    context: RunContext, image: Sequence[BuiltTarget], files: Sequence[Exported], root: Path
) -> tuple[Exported, ...]:
    """The signatures of an image tag's files, and before them the provenance of its archives. Those of a platform are
    signed for it, the others for the index."""
    from pipeline.bundle.export import ARCHIVE
    from pipeline.release.signed_files import (
        ensure_file_attested,
        ensure_file_signed,
        provenance_path,
        signature_path,
    )
    from pipeline.run.publish.image_claims import ImageClaims
    from pipeline.run.signing.signer import signer
    from pipeline.trust.claims import ATTESTED

    claims = ImageClaims.of(context, [built.target for built in image])
    platforms = {built.target.platform.slug: built for built in image}
    sign, signatory, written = signer(context), context.signatory, []
    for file in files:
        own = platforms.get(file.path.parent.name)
        claimed = claims.platforms[own.target.platform] if own else claims.index
        if file.path.name == ARCHIVE:
            claimed = replace(claimed, provenance=ATTESTED)
            made = partial(_provenance, context, [own] if own else image)
            attested = await ensure_file_attested(file.path, made, sign, signatory, root=root)
            written.append(_exported(provenance_path(file.path), root, attested))
        signed = await ensure_file_signed(file.path, claimed, sign, signatory, root=root)
        written.append(_exported(signature_path(file.path), root, signed))
    return tuple(written)


def _provenance(context: RunContext, image: Sequence[BuiltTarget]) -> Mapping[str, Any]:
    """What an archive of these platforms was made of, now."""
    from pipeline.provenance import IndexBuild, archive_predicate
    from pipeline.state.signers import program_version

    return archive_predicate(
        IndexBuild(
            image[0].target.image,
            image[0].target.tag,
            context.builds,
            [(built.target.platform, built.record.digest) for built in image],
            context.revision,
            context.origin(),
            {"lockage": program_version()},
            int(time.time()),
        )
    )


def _exported(path: Path, root: Path, written: bool) -> Exported:
    from pipeline.bundle.export import Exported
    from pipeline.model import Digest
    from pipeline.util.files import read_file

    raw = read_file(path, root=root)
    return Exported(path, Digest.of(raw), len(raw), written)


async def _built_images(context: RunContext) -> list[list[BuiltTarget]]:
    """The targets of each image tag with their records. Raises RegistryError where one was not built."""
    from pipeline.state.records import Records
    from pipeline.util.concurrency import each

    store = context.store()
    known = Records(store, context.plan.targets)

    async def find(target: Target) -> Record | None:
        return await known.find(target.key) if target.key else None

    targets = [target for _, group in context.plan.groups() for target in group]
    records = dict(zip((target.id for target in targets), await each(find, targets), strict=True))
    context.tell_distrusted(store)
    missing = [target for target in targets if records[target.id] is None]
    if missing:
        raise _not_built(missing)
    return [
        [BuiltTarget(target, record) for target in group if (record := records[target.id])]
        for _, group in context.plan.groups()
    ]


def _not_built(missing: Sequence[Target]) -> RegistryError:
    names = " ".join(dict.fromkeys(f"{target.image}:{target.tag}" for target in missing))
    build = f"lockage build {names if len(names) < 200 else ''}".rstrip()
    return RegistryError(
        f"not built yet, or changed since: {len(missing)} target{'s' if len(missing) > 1 else ''}",
        hint=f"{build}; then lockage export again",
        detail="\n".join(target.id for target in missing),
    )


async def _note_closed_gates(context: RunContext, image: Sequence[BuiltTarget], *, signs: bool) -> bool:
    """Whether all gates are open. An archive of an image that did not pass may be wanted, but nobody should take it for
    one that did."""
    from pipeline.run.gates.judge import TargetJudge
    from pipeline.run.gates.missing_examinations import unexamined

    judge = TargetJudge(context)
    passed, instead = True, "exported unsigned" if signs else "exported anyway"
    for built in image:
        target, record = built.target, built.record
        if signs and (lacking := unexamined(target, record.evidence)):
            passed = False
            console.message(f"note: {target.id}: no {', '.join(lacking)} result yet; {instead}")
        for verdict in (await judge.judge(target, record.digest, record.evidence)).verdicts:
            if not verdict.passed:
                passed = False
                console.message(f"note: {target.id}: the gate {verdict.gate} is {verdict.state}; {instead}")
    return passed


def _platform(built: BuiltTarget) -> ExportedPlatform:
    from pipeline.bundle.export import ExportedPlatform

    record = built.record
    return ExportedPlatform(built.target.platform, record.digest, record.documents.get(_SBOM))


def _to_json(file: Exported) -> dict[str, object]:
    return {
        "path": str(file.path),
        "digest": str(file.digest),
        "size": file.size,
        "written": file.written,
    }


COMMANDS = {"export": Command(ExportOptions, export)}
