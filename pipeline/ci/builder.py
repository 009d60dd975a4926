"""Who a provider says is building: what SLSA calls the builder, and the run."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.util.dataclass import dataclass

from .job import Provider, provider_of


@dataclass(frozen=True, slots=True)
class CiBuilder:
    """The builder's id and the run's page, the runner, and the repository with its ref as the provider writes them:
    the address may hold credentials. Empty where the provider does not say."""

    id: str
    run: str
    runner: str
    repository: str
    ref: str = ""


def builder_of(environ: Mapping[str, str]) -> CiBuilder | None:
    """The builder of the job, None in a shell.

    GitHub: the workflow file by its ref is the builder, as in GitHub's own attestations. GitLab: the runner, as in the
    provenance that GitLab's runner makes. Jenkins documents none: its address.
    """
    get = environ.get
    match provider_of(environ):
        case Provider.GITHUB:
            server = get("GITHUB_SERVER_URL", "")
            repository = f"{server}/{get('GITHUB_REPOSITORY', '')}"
            run, attempt = get("GITHUB_RUN_ID", ""), get("GITHUB_RUN_ATTEMPT", "1")
            return CiBuilder(
                f"{server}/{get('GITHUB_WORKFLOW_REF', '')}",
                f"{repository}/actions/runs/{run}/attempts/{attempt}",
                get("RUNNER_ENVIRONMENT", ""),
                repository,
                get("GITHUB_REF", ""),
            )
        case Provider.GITLAB:
            project = get("CI_PROJECT_URL", "")
            return CiBuilder(
                f"{project}/-/runners/{get('CI_RUNNER_ID', '')}",
                get("CI_JOB_URL", ""),
                get("CI_RUNNER_VERSION", ""),
                f"{project}.git",
                get("CI_MERGE_REQUEST_REF_PATH", ""),
            )
        case Provider.JENKINS:
            return CiBuilder(
                get("JENKINS_URL", ""), get("BUILD_URL", ""), get("NODE_NAME", ""), get("GIT_URL", "")
            )
        case Provider.SHELL:
            return None
