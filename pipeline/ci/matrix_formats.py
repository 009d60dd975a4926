"""A matrix as each provider reads it, with its limit of jobs and the labels of its own runners."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pipeline.model import Platform

from .matrix import Matrix, MatrixJob, Runners

AMD64, ARM64 = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
_JOB = "lockage push --locked {args} --reports reports"
_REPORTS = {
    "junit": "reports/junit.xml",
    "container_scanning": "reports/gl-container-scanning-report.json",
    "dependency_scanning": "reports/gl-dependency-scanning-report.json",
    "cyclonedx": "reports/sbom/*.cdx.json",
    "annotations": "reports/gl-annotations.json",
}
"""What GitLab shows of a job, in merge requests as well: artifacts:reports."""
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
    """A child pipeline (JSON is YAML): one job each, and one that ends green where there is nothing to do."""
    jobs: dict[str, Any] = {job.id: _gitlab_job(job) for job in matrix.jobs}
    nothing = {"stage": "build", "rules": _ALWAYS, "script": ["echo everything is in the registry"]}
    jobs = jobs or {"nothing-to-build": nothing}
    return json.dumps({"stages": ["build"], **jobs}, indent=2) + "\n"


def _gitlab_job(job: MatrixJob) -> dict[str, Any]:
    return {
        "stage": "build",
        "rules": _ALWAYS,
        "tags": [job.runner.label],
        "script": [_JOB.format(args=job.to_json()["args"])],
        "artifacts": {"when": "always", "paths": ["reports"], "reports": _REPORTS, "expire_in": "1 week"},
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
