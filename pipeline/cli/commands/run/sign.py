"""sign: a run that ends with signatures; with --re-sign, sign again what another signer has signed, without a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group, repeated
from ...command import Command
from ...common_options import SignatoryOptions
from ...output import console
from ...references import names_registry, parse_reference
from .stages import PushStageOptions, run_stage

if TYPE_CHECKING:
    from pipeline.release.rotation.re_sign import Rotated


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOptions:
    """What `sign` understands."""

    pushing: PushStageOptions = group(PushStageOptions)
    re_sign: bool = flag(
        "--re-sign",
        help="after a change of the key: sign again what environments hold, or TARGET as HOST/NAME:TAG",
    )
    environments: tuple[str, ...] = repeated(
        "--env", metavar="ENV", help="--re-sign: only this environment (default: all); may be repeated"
    )
    earlier: SignatoryOptions = group(SignatoryOptions)

    @property
    def names(self) -> tuple[str, ...]:
        """The positional arguments."""
        return self.pushing.stage.catalogue.selection.targets


def sign(options: SignOptions) -> int:
    """Push images and sign them; with `--re-sign`, exit code 7 if anything is left that nobody accepted has signed."""
    from pipeline.run import Stage

    if not options.re_sign:
        if options.environments or options.earlier != SignatoryOptions():
            raise UsageError(
                "--env, --key and identities say what is signed again, and there is no --re-sign",
                hint="lockage sign --re-sign --key OLD.pub",
            )
        return run_stage(Stage.SIGN, options.pushing.stage, options.pushing.refs)
    return _re_sign(options)


def _re_sign(options: SignOptions) -> int:
    from ... import signals
    from ...proposals import require_reviewed

    require_reviewed("sign --re-sign")
    selection = options.pushing.stage.catalogue.selection
    references = [name for name in options.names if names_registry(name)]
    if selection.splits_tags and not references:
        raise UsageError("--re-sign takes whole images", hint="name images of the catalogue, or references")
    if references and (len(references) < len(options.names) or options.environments):
        raise UsageError(
            "--re-sign takes references, or images of the catalogue with --env",
            hint="sign them by two calls",
        )
    results = signals.run(partial(_perform, options, references))
    failed = [result for result in results if result.failed]
    code = Exit.GATE if failed else Exit.OK
    if options.pushing.stage.common.json:
        images = [result.to_json() for result in results]
        console.print_json({"images": images, "exit_code": int(code)})
        return int(code)
    for result in results:
        _print(result)
    signed = sum(result.result.signed for result in results)
    attached = sum(sum(result.result.attached) for result in results)
    left = f", {len(failed)} refused" if failed else ""
    console.message(f"{len(results)} images{left}; {signed} statements signed, {attached} attached")
    return int(code)


async def _perform(options: SignOptions, references: Sequence[str]) -> list[Rotated]:
    from pipeline.release.environments import environment
    from pipeline.release.rotation.images import (
        held_by_environments,
        held_by_references,
        refuse_unnamed,
    )
    from pipeline.release.rotation.re_sign import re_sign_all

    from ...instance.verification import chosen_signatory
    from ...output.progress import Progress
    from ...planning.reader import PlanReader, PlanRequest
    from ...run_context import RunRequest, open_run

    stage = options.pushing.stage
    chosen = stage.catalogue
    if references:
        chosen = replace(chosen, selection=replace(chosen.selection, targets=()))
    plan = PlanRequest.of(stage.common, chosen, locked=stage.locked)
    earlier = chosen_signatory(options.earlier)
    every = PlanReader(plan).read_known().project.environments
    wanted = [environment(every, name) for name in options.environments] or every
    if earlier is None:  # reported before the instance is started
        refuse_unnamed(wanted, by_reference=bool(references))
    with Progress() as report:
        request = RunRequest(plan, stage.run, environments=options.environments)
        async with open_run("sign", request, report) as context:
            if references:
                named = [parse_reference(reference) for reference in references]
                return await re_sign_all(context, await held_by_references(context, named, earlier))
            return await re_sign_all(context, await held_by_environments(context, wanted, earlier))


def _print(rotated: Rotated) -> None:
    result = rotated.result
    if result.problem:
        state = "refused" if rotated.failed else "not signed, left as it is"
        console.print_line(f"{rotated.held.places[0].repository.at(rotated.held.digest)}  {state}")
        console.print_line(f"    {result.problem}")
        return
    for place, count in zip(result.places, result.attached, strict=True):
        state = f"{count} attached" if count else "up to date"
        console.print_line(f"{place.repository.at(rotated.held.digest)}  {state}  {' '.join(place.tags)}")


COMMANDS = {"sign": Command(SignOptions, sign)}
