"""A matrix as each provider reads it, with its limit of jobs and the labels of its own runners."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from pipeline.model import Platform
from pipeline.util.dataclass import dataclass

from .matrix import Matrix, MatrixJob, Runners

AMD64, ARM64 = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
_REPORTS = {
    "junit": "junit.xml",
    "container_scanning": "gl-container-scanning-report.json",
    "dependency_scanning": "gl-dependency-scanning-report.json",
    "cyclonedx": "sbom/*.cdx.json",
    "annotations": "gl-annotations.json",
}
"""What GitLab shows of a job, in merge requests as well: artifacts:reports."""
_COUNT = "LOCKAGE_JOBS"
_ALWAYS = [{"when": "on_success"}]  # jobs without rules are left out of the pipelines of merge requests


@dataclass(frozen=True, slots=True)
class MatrixFormat:
    """How a provider takes a matrix: `render` writes it for `limit` jobs at most, `labels` are its runners."""

    render: Callable[[Matrix], str]
    limit: int
    labels: Mapping[Platform, str]

    def runners(self, chosen: Mapping[Platform, str]) -> Runners:
        """The provider's runners, and those that the caller chose in their place."""
        return Runners(MappingProxyType({**self.labels, **chosen}), AMD64)


def _github(matrix: Matrix) -> str:
    """Lines for GITHUB_OUTPUT: `matrix` for strategy.matrix, and `jobs`, which is 0 where no job may be started: GitHub
    refuses an empty matrix."""
    include = json.dumps({"include": matrix.to_json()}, separators=(",", ":"))
    return f"matrix={include}\njobs={len(matrix.jobs)}\n"


def _gitlab(matrix: Matrix) -> str:
    """A child pipeline (JSON is YAML): one job each, and one that ends green where there is nothing to do.

    `lockage ci generate` writes the job of the stage `summary`, which reads the number of the others."""
    jobs: dict[str, Any] = {job.id: _gitlab_job(job) for job in matrix.jobs}
    nothing = {"stage": "build", "rules": _ALWAYS, "script": ["echo everything is in the registry"]}
    jobs = jobs or {"nothing-to-build": nothing}
    pipeline = {"stages": ["build", "summary"], "variables": {_COUNT: str(len(matrix.jobs))}}
    return json.dumps({**pipeline, **jobs}, indent=2) + "\n"


def _gitlab_job(job: MatrixJob) -> dict[str, Any]:
    folder = f"reports/{job.id}"  # of its own: the summary's job gets the reports of all
    reports = {kind: f"{folder}/{name}" for kind, name in _REPORTS.items()}
    return {
        "stage": "build",
        "rules": _ALWAYS,
        "tags": [job.runner.label],
        "script": [f"lockage push --locked {job.to_json()['args']} --reports {folder}"],
        "artifacts": {"when": "always", "paths": [folder], "reports": reports, "expire_in": "1 week"},
    }


def _json(matrix: Matrix) -> str:
    """The jobs as a list, for readJSON of a Jenkinsfile and for any other program."""
    return json.dumps(matrix.to_json(), indent=2) + "\n"


FORMATS: Mapping[str, MatrixFormat] = MappingProxyType(
    {
        "github": MatrixFormat(_github, 256, {AMD64: "ubuntu-24.04", ARM64: "ubuntu-24.04-arm"}),
        "gitlab": MatrixFormat(
            _gitlab, 200, {AMD64: "saas-linux-small-amd64", ARM64: "saas-linux-small-arm64"}
        ),
        "jenkins": MatrixFormat(_json, 256, {AMD64: "linux-amd64", ARM64: "linux-arm64"}),
        "json": MatrixFormat(_json, 256, {AMD64: "linux/amd64", ARM64: "linux/arm64"}),
    }
)
"""By the value of `--matrix`. GitHub allows 256 jobs in a matrix, GitLab 200 in `parallel:matrix`."""
