"""sbom: list the packages of targets; write the documents of targets, or those that a published image bears."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import EnvironmentProblem, Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import group, option
from ...command import Command
from ...common_options import SignatoryOptions
from ...output import console
from ...references import names_registry, parse_reference
from .stages import StageOptions, run_stage

if TYPE_CHECKING:
    from pipeline.model import Reference
    from pipeline.reporting.documents import DocumentFile

_CHECK = "check"
_FORMATS = ("cyclonedx", "spdx", "syft")  # as in pipeline.sbom.FORMATS, whose room a parser does not enter


@dataclass(frozen=True, slots=True, kw_only=True)
class SbomOptions:
    """What `sbom` understands."""

    stage: StageOptions = group(StageOptions)
    format: str | None = option(
        "--format",
        choices=_FORMATS,
        help="write the document in this format (default: cyclonedx; into a folder, all)",
    )
    output: str | None = option(
        "-o", "--output", metavar="FILE|DIR", help="write to FILE.json or to folder DIR (default: stdout)"
    )
    signatory: SignatoryOptions = group(SignatoryOptions)

    @property
    def names(self) -> tuple[str, ...]:
        """The positional arguments."""
        return self.stage.catalogue.selection.targets


def sbom(options: SbomOptions) -> int:
    """Run up to this stage; with `--format`, `-o` or a reference write documents, with `check REF` compare."""
    from ... import signals

    names = options.names
    references = [name for name in names if names_registry(name)]
    if names[:1] == (_CHECK,) and references:
        from .sbom_check import check

        return check(options, _only_reference(names[1:]))
    if references:
        documents = signals.run(partial(_attached, options, _only_reference(names)))
    elif options.format or options.output:
        documents = signals.run(partial(_recorded, options))
    else:
        from pipeline.run import Stage

        return run_stage(Stage.SBOM, options.stage)
    return _write(options, documents)


def _only_reference(names: Sequence[str]) -> Reference:
    if len(names) != 1:
        raise UsageError(
            "one reference at a time, and no TARGET beside it", hint="lockage sbom HOST/NAME:TAG -o DIR"
        )
    return parse_reference(names[0])


def formats(options: SbomOptions) -> tuple[str, ...]:
    """The formats to write."""
    if options.format:
        return (options.format,)
    return _FORMATS if options.output and _is_folder(options.output) else _FORMATS[:1]


async def _attached(options: SbomOptions, reference: Reference) -> list[DocumentFile]:
    """The documents that an image bears, signed. Raises UsageError, RegistryError, SignatureRefused."""
    from pipeline.lab.settings import LabSettings
    from pipeline.registry import Registry
    from pipeline.release.attached import PREDICATES, attached_documents
    from pipeline.reporting.documents import DocumentFile
    from pipeline.sbom import FORMATS

    from ...instance.session import registry_session
    from ...instance.verification import signatory
    from ...output.progress import Progress
    from ...registry_access import registry_access

    wanted = [format for format in formats(options) if format in PREDICATES]
    if not wanted:
        raise UsageError(
            "syft's own format is not attached to images",
            hint="lockage sbom TARGET --format syft: the repository of builds has it",
        )
    key = signatory(options.signatory, os.environ, LabSettings.from_env(os.environ).data)
    common, platforms, documents = options.stage.common, options.stage.catalogue.selection.platforms, []
    async with (
        registry_session(common.root, "sbom", Progress(), {reference.repository.host}),
        Registry(registry_access()) as registry,
    ):
        for format in wanted:
            attached = await attached_documents(registry, reference, key, format, platforms)
            for each in attached:
                file = FORMATS[format][1]
                path = f"{each.platform.slug}/{file}" if each.platform else file
                documents.append(
                    DocumentFile(path, each.content, each.platform is not None or len(attached) == 1)
                )
    return documents


async def _recorded(options: SbomOptions) -> list[DocumentFile]:
    """The documents of targets in the repository of builds, without those of bases that were not named."""
    from pipeline.plan.selection import matching
    from pipeline.reporting.documents import recorded_documents

    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...run_context import RunRequest, open_run

    stage = options.stage
    request = PlanRequest.of(
        stage.common, stage.catalogue, locked=stage.locked, snapshot_id=stage.snapshot_id
    )
    async with open_run("sbom", RunRequest(request), Progress()) as context:
        patterns = stage.catalogue.selection.patterns
        named = set(matching(context.plan, patterns)) if patterns else {t.id for t in context.plan.targets}
        targets = [target for target in context.plan.targets if target.id in named]
        documents = await recorded_documents(context, targets, formats(options))
    for note in dict.fromkeys(document.note for document in documents if document.note):
        console.message(f"note: {note}")
    return documents


def _write(options: SbomOptions, documents: Sequence[DocumentFile]) -> int:
    """Write documents into a folder or to one file or stdout. Raises UsageError for several where one can be."""
    from ...files.replace import replace_file

    root, output = options.stage.common.root, options.output
    if output and _is_folder(output):
        files = {root / output / document.path: document.content for document in documents}
    else:
        single = [document for document in documents if document.single]
        if len(single) != 1:
            raise UsageError(
                f"{len(single)} documents for one place",
                hint="-o DIR writes them all; or name one target, one --platform",
                detail="\n".join(document.path for document in single),
            )
        if not output:
            console.print_json_text(_text(single[0].content))
            return Exit.OK
        files = {root / output: single[0].content}
    for path, content in files.items():
        try:
            replace_file(path, content, root=root)
        except EnvironmentProblem as error:
            raise EnvironmentProblem(error.message, hint="name another place: -o FILE or -o DIR") from None
    if options.stage.common.json:
        console.print_json({"files": [str(path) for path in files]})
    else:
        for path in files:
            console.print_line(str(path))
    return Exit.OK


def _text(content: bytes) -> str:
    """A document for stdout: the same value, with line breaks."""
    return json.dumps(json.loads(content), indent=2, ensure_ascii=False) + "\n"


def _is_folder(output: str) -> bool:
    """Whether `-o` names a folder: everything but `NAME.json`."""
    return not output.endswith(".json")


COMMANDS = {"sbom": Command(SbomOptions, sbom)}
