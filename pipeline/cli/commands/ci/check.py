"""ci check: whether the generated jobs are what would be written today."""

from __future__ import annotations

from pipeline.ci.generate import job_files
from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import group
from ...command import Command
from ...common_options import CommonOptions
from ...output import console
from .jobs import SOURCE, content_at, jobs_of, read_source


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckJobsOptions:
    """What `ci check` understands."""

    common: CommonOptions = group(CommonOptions)


def check(options: CheckJobsOptions) -> int:
    """List files that differ or are missing; exit code 3 if there is one."""
    root = options.common.root
    source = read_source(root)
    if source is None:
        raise UsageError(f"there is no {SOURCE}", hint="lockage ci generate github writes a first one")
    jobs, different = jobs_of(source, root), list[dict[str, str]]()
    for provider in source.providers:
        for path, text in job_files(provider, jobs).items():
            content = content_at(root, path)
            if content != text.encode():
                state = "missing" if content is None else "different"
                different.append({"provider": provider, "path": path, "state": state})
    if options.common.json:
        console.print_json(different)
    else:
        for each in different:
            console.print_line(f"{each['state']}  {each['path']}  (lockage ci generate {each['provider']})")
    console.message(
        f"{len(different)} files of jobs differ from {SOURCE}" if different else "jobs are up to date"
    )
    return Exit.CONFIG if different else Exit.OK


COMMAND = Command(CheckJobsOptions, check)
