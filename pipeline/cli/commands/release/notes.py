"""notes: write what a release is made of into a folder, and publish it on GitHub or GitLab: notes, digests, bills of
materials, and how to install it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group, option, positional
from ...command import Command
from ...common_options import CatalogueOptions, CommonOptions, locked_flag, output_option
from ...output import console

if TYPE_CHECKING:
    from pipeline.forge.address import ForgeAddress
    from pipeline.forge.publish import PublishedRelease
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
    publish: bool = flag(
        "--publish",
        help="also make it a release on GitHub or GitLab, with these files; one that was made halfway is completed",
    )
    force: bool = flag("--force", help="with --publish: replace what somebody else made, or edited")


def notes(options: NotesOptions) -> int:
    """Write the folder, and publish it with `--publish`; with `--json` also print the release as data.

    Raises UsageError, RegistryError, ReleaseNotOurs.
    """
    from ... import signals
    from ...files.replace import replace_file

    if options.force and not options.publish:
        raise UsageError("--force is for --publish", hint="lockage notes VERSION --publish --force")
    address = _address(options) if options.publish else None
    release, files = signals.run(partial(_notes, options))
    for name, content in files.items():
        replace_file(options.common.root / options.output / name, content, root=Path())
    publish = partial(_publish, address, release, files, force=options.force) if address else None
    published = signals.run(publish) if publish else None
    if options.common.json:
        page = {"page": published.to_json()} if published else {}
        console.print_json({**release.to_json(), **page})
    else:
        for name in files:
            console.print_line(str(options.output / name))
        if published:
            console.print_line(published.url)
    console.message(f"{len(files)} files of {release.version}{_outcome(published)}")
    return Exit.OK


def _outcome(published: PublishedRelease | None) -> str:
    if published is None:
        return ""
    if published.edited:
        console.message("warning: somebody edited the text of the release, so it stays (--force replaces it)")
    if not published.changed:
        return ", published before"
    return f", published; {len(published.uploaded)} uploaded"


def _address(options: NotesOptions) -> ForgeAddress:
    """Where to publish, looked for before anything is read. Raises UsageError, of a pull request too."""
    from pipeline.forge.address import forge_address

    from ...git.origin import read_origin
    from ...proposals import require_reviewed

    require_reviewed("notes --publish")
    return forge_address(os.environ, read_origin(options.common.root, os.environ).repository)


async def _publish(
    address: ForgeAddress, release: ReleaseNotes, files: Mapping[str, bytes], *, force: bool
) -> PublishedRelease:
    from pipeline.forge.publish import publish_release
    from pipeline.forge.values import WantedRelease
    from pipeline.policy.tags import parse_version

    from ...registry_access import registry_access

    version = parse_version(release.version)
    prerelease = bool(version and version.prerelease)
    text = files["RELEASE.md"].decode()
    wanted = WantedRelease(release.version, release.commit, text, prerelease, files)
    async with address.api(registry_access()) as api:
        return await publish_release(address.releases(api), wanted, force=force)


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
            history = await read_release(context, names, to)
            for problem in history.problems:
                console.message(f"warning: {problem} (lockage history --env ENV --check)")
            if options.since is not None:
                since = ReleaseNames.of(catalogue, options.since)
                history = replace(history, before=(await read_release(context, since, to)).release)
            release = replace(
                await read_notes(context, history), source=read_origin(root, os.environ).repository
            )
            if history.before is not None:
                commits = commits_between(root, os.environ, history.before.commit, history.release.commit)
                if commits is None:
                    text = "git does not have the commits of both releases, so none is listed"
                    console.message(f"warning: {text} (git fetch --unshallow)")
                release = replace(release, commits=commits or ())
            return release, await release_files(context, release)


COMMANDS = {"notes": Command(NotesOptions, notes)}
