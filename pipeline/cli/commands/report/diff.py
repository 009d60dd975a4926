"""diff: what changed between two images, environments or commits: packages, findings, licences, layers, settings."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit, RegistryError, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group, positional
from ...command import Command
from ...common_options import CommonOptions, SignatoryOptions, TargetSelection
from ...output import console
from ...references import parse_reference

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.model import Reference
    from pipeline.registry import Registry
    from pipeline.report.difference import ImageDifference
    from pipeline.run import RunContext
    from pipeline.trust import Signatory

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_SIDE = "HOST/NAME:TAG, HOST/NAME@sha256:…, an environment, or a whole commit id"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffOptions:
    """What `diff` understands."""

    common: CommonOptions = group(CommonOptions)
    before: str = positional(metavar="BEFORE", help=_SIDE)
    after: str = positional(metavar="AFTER", help="the same")
    targets: tuple[str, ...] = positional(
        nargs="*",
        default=(),
        metavar="TARGET",
        help="of environments or commits: which images (default: all)",
    )
    markdown: bool = flag("--markdown", help="Markdown on stdout, for a release or a merge request")
    signatory: SignatoryOptions = group(SignatoryOptions)

    @property
    def by_reference(self) -> bool:
        """Whether both sides are references; neither an environment nor a commit has these characters."""
        return all(re.search("[/:@]", side) for side in (self.before, self.after))


def diff(options: DiffOptions) -> int:
    """Print the differences, platform by platform. Raises UsageError, RegistryError."""
    from pipeline.report.difference import difference_data
    from pipeline.report.difference_text import difference_lines, difference_markdown, overview

    from ... import signals

    if options.by_reference and options.targets:
        raise UsageError("two references name the images already", hint="leave out the targets")
    differences = signals.run(partial(_diff, options))
    if options.common.json:
        console.print_json([difference_data(one) for one in differences])
    elif options.markdown:
        console.print_text("\n".join(map(difference_markdown, differences)))
    else:
        for one in differences:
            for line in difference_lines(one):
                console.print_line(line)
    console.message(overview(differences))
    return Exit.OK


async def _diff(options: DiffOptions) -> list[ImageDifference]:
    if options.by_reference:
        return await _of_references(options)
    from ...instance.verification import chosen_signatory
    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...run_context import RunRequest, open_run

    plan = PlanRequest(options.common.root, TargetSelection(targets=options.targets))
    named = tuple(side for side in (options.before, options.after) if not _COMMIT.match(side))
    async with open_run("diff", RunRequest(plan, environments=named), Progress()) as context:
        key = chosen_signatory(options.signatory) or context.signatory
        sides = zip(_side(context, options.before), _side(context, options.after), strict=True)
        return [
            difference
            for pair in sides
            for difference in await _of_pair(context.registry, *pair, key, strict=False)
        ]


async def _of_references(options: DiffOptions) -> list[ImageDifference]:
    """Any two images, from any folder: without a catalogue, and without the instance unless an image is there."""
    from pipeline.lab.settings import LabSettings
    from pipeline.registry import Registry

    from ...instance.session import registry_session
    from ...instance.verification import signatory
    from ...output.progress import Progress
    from ...registry_access import registry_access

    before, after = parse_reference(options.before), parse_reference(options.after)
    key = signatory(options.signatory, os.environ, LabSettings.from_env(os.environ).data)
    hosts = {before.repository.host, after.repository.host}
    async with (
        registry_session(options.common.root, "diff", Progress(), hosts),
        Registry(registry_access()) as registry,
    ):
        return await _of_pair(registry, before, after, key, strict=True)


async def _of_pair(
    registry: Registry, before: Reference, after: Reference, key: Signatory, *, strict: bool
) -> list[ImageDifference]:
    """The differences of two images on the platforms that both have. Unless `strict`, an image that one side does not
    have is a message. Raises RegistryError."""
    from pipeline.report.difference import difference
    from pipeline.reporting.states import read_states

    try:
        old, new = await read_states(registry, before, key), await read_states(registry, after, key)
    except RegistryError as error:
        if strict or error.status is not None:
            raise
        console.message(f"warning: {error.message}")
        return []
    for platform in sorted(old.keys() ^ new.keys()):
        console.message(f"warning: only one side has {platform}: {before if platform in old else after}")
    return [difference(old[platform], new[platform]) for platform in old if platform in new]


def _side(context: RunContext, text: str) -> list[Reference]:
    """Every image tag of the plan as a commit or an environment has it. Raises UsageError."""
    from pipeline.policy import Revision
    from pipeline.release.environments import environment, of_revision

    if _COMMIT.match(text):
        return [wanted.reference for wanted in of_revision(replace(context, revision=Revision(text)))]
    environments: Sequence[Environment] = context.plan.project.environments
    of_name = environment(environments, text)
    assert of_name, "it has a name"
    if of_name == environments[0]:
        return [wanted.reference for wanted in of_revision(context)]
    return [
        context.repository(of_name, targets[0].image).tagged(targets[0].tag)
        for _, targets in context.plan.groups()
    ]


COMMANDS = {"diff": Command(DiffOptions, diff)}
