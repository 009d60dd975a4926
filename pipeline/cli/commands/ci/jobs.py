"""The jobs of a checkout: ci/lockage.yml and lockage.yml, read into what files are generated from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.ci.generate import JobProvider, Jobs
from pipeline.errors import UsageError
from pipeline.util.files import read_file
from pipeline.util.rooted import reason

if TYPE_CHECKING:
    from pipeline.config.ci_jobs import CiJobs
    from pipeline.config.values import Project

SOURCE = "ci/lockage.yml"
_BYTES = 64 * 1024
_GENERATED_BYTES = 1024 * 1024


def source_text(provider: JobProvider, version: str) -> str:
    """A first ci/lockage.yml."""
    return (
        "# What `lockage ci generate` writes jobs from (docs/ci.md).\n"
        f"providers: [{provider}]\n"
        f"setup: pipx install lockage=={version}  # the line that puts lockage on PATH\n"
    )


def read_source(root: Path) -> CiJobs | None:
    """ci/lockage.yml; None where there is none. Raises ConfigError, UsageError for a file that cannot be read."""
    from pipeline.config.ci_jobs import read_ci_jobs

    try:
        content = read_file(root / SOURCE, _BYTES, root=root)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"cannot read {SOURCE}: {reason(error)}") from None
    return read_ci_jobs(content, SOURCE)


def content_at(root: Path, path: str) -> bytes | None:
    """The content of a generated file as it is; None where there is none that can be read."""
    try:
        return read_file(root / path, _GENERATED_BYTES, root=root)
    except OSError:
        return None


def jobs_of(source: CiJobs, root: Path) -> Jobs:
    """What files are generated from: with what lockage.yml says of environments, signing and retention. Raises
    ConfigError."""
    from ...planning.reader import PlanReader, PlanRequest

    project = PlanReader(PlanRequest(root)).read_known().project
    environments = project.environments
    return Jobs(
        source.setup,
        environments[min(1, len(environments) - 1)].name,
        source.branch,
        source.runner,
        dict(source.runners),
        source.rescan,
        _identity_token(project),
        project.retention is not None,
        project.retention is not None and project.retention.closed_pull_requests,
        source.lock == "propose",
    )


def _identity_token(project: Project) -> str | None:
    """The variable with the identity token of a keyless project; None where a file has it, or a key signs."""
    if project.keyless is None:
        return None
    source = project.keyless.token
    if source is None:
        return "SIGSTORE_ID_TOKEN"
    return str(source.value) if source.kind == "env" else None
