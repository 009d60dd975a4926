"""notes: write what a release is made of into a folder: notes, digests, bills of materials, and how to install it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Exit

from ...arguments import group, option, positional
from ...command import Command
from ...common_options import CatalogueOptions, CommonOptions, locked_flag, output_option
from ...output import console

if TYPE_CHECKING:
    from pipeline.report.notes.values import ReleaseNotes


@dataclass(frozen=True, slots=True, kw_only=True)
class NotesOptions:
    """What `notes` understands."""

    common: CommonOptions = group(CommonOptions)
    version: str = positional(metavar="VERSION", help="a version that was released, such as v2.3.0")
    catalogue: CatalogueOptions = group(CatalogueOptions)
    locked: bool = locked_flag()
    since: str | None = option(
        "--since", metavar="VERSION", help="compare with this release (default: the stable one before)"
    )
    output: Path = output_option(Path("release"), "folder to write to (default: release)")


def notes(options: NotesOptions) -> int:
    """Write the folder; with `--json` also print the release as data. Raises UsageError, RegistryError."""
    from ... import signals
    from ...files.replace import replace_file

    release, files = signals.run(partial(_notes, options))
    for name, content in files.items():
        replace_file(options.common.root / options.output / name, content, root=Path())
    if options.common.json:
        console.print_json(release.to_json())
        return Exit.OK
    for name in files:
        console.print_line(str(options.output / name))
    console.message(f"{len(files)} files of {release.version}")
    return Exit.OK


async def _notes(options: NotesOptions) -> tuple[ReleaseNotes, Mapping[str, bytes]]:
    from pipeline.release.versions.history import read_release
    from pipeline.release.versions.release import ReleaseNames
    from pipeline.reporting.release_notes import read_notes, release_files

    from ...git.log import commits_between
    from ...git.origin import read_origin
    from ...output.progress import Progress
    from ...planning.reader import PlanReader, PlanRequest
    from ...run_context import RunRequest, open_run

    root = options.common.root
    plan = PlanRequest.of(options.common, options.catalogue, locked=options.locked)
    catalogue = PlanReader(plan).whole(None)
    names = ReleaseNames.of(catalogue, options.version)
    with Progress() as report:
        async with open_run("notes", RunRequest(plan), report) as context:
            to = context.plan.project.environments[1:]  # a release may have named one
            found = await read_release(context, names, to)
            if options.since is not None:
                since = ReleaseNames.of(catalogue, options.since)
                found = replace(found, before=(await read_release(context, since, to)).release)
            release = replace(
                await read_notes(context, found), source=read_origin(root, os.environ).repository
            )
            if found.before is not None:
                commits = commits_between(root, os.environ, found.before.commit, found.release.commit)
                if commits is None:
                    text = "git does not have the commits of both releases, so none is listed"
                    console.message(f"warning: {text} (git fetch --unshallow)")
                release = replace(release, commits=commits or ())
            return release, await release_files(context, release)


COMMANDS = {"notes": Command(NotesOptions, notes)}
