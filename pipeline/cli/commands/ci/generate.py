"""ci generate: write the jobs of a provider, and a first ci/lockage.yml where there is none."""

from __future__ import annotations

from importlib.metadata import version

from pipeline.ci.generate import PROVIDERS, JobProvider, job_files
from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import group, positional
from ...command import Command
from ...common_options import CommonOptions
from ...output import console
from .jobs import SOURCE, content_at, jobs_of, read_source, source_text


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateJobsOptions:
    """What `ci generate` understands."""

    common: CommonOptions = group(CommonOptions)
    provider: JobProvider = positional(choices=PROVIDERS, help="whose jobs")


def generate(options: GenerateJobsOptions) -> int:
    """Write the files where the provider wants them; what is up to date stays as it is."""
    from ...files.replace import replace_file

    root, written = options.common.root, list[str]()
    source = read_source(root)
    if source is None:
        replace_file(root / SOURCE, source_text(options.provider, version("lockage")), root=root)
        written.append(SOURCE)
        source = read_source(root)
        assert source is not None
    if options.provider not in source.providers:
        raise UsageError(
            f"{SOURCE} does not list {options.provider}",
            hint="add it to `providers:`: `lockage ci check` reads them",
        )
    for path, text in job_files(options.provider, jobs_of(source, root)).items():
        if content_at(root, path) != text.encode():
            replace_file(root / path, text, root=root)
            written.append(path)
    if options.common.json:
        console.print_json({"written": written})
    else:
        for path in written:
            console.print_line(path)
    console.message(f"{len(written)} files written")
    return Exit.OK


COMMAND = Command(GenerateJobsOptions, generate)
