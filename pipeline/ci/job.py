"""The job that this process runs in, and the event that started it, from the environment that its provider sets."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from pipeline.util.dataclass import dataclass

from . import github, gitlab, jenkins
from .event import JobEvent


class Provider(StrEnum):
    """Who runs a job. A plain shell is a provider too: a laptop, or a CI that is none of these."""

    GITHUB = "github"
    GITLAB = "gitlab"
    JENKINS = "jenkins"
    SHELL = "shell"


@dataclass(frozen=True, slots=True)
class Job:
    """Where a job runs, whatever started it. What a provider does not report is empty or None.

    `commit` is the id that the provider checked out, `user` who started it, `repository` and `url` are the pages of the
    repository and of this run, `checkout` is the folder that paths in annotations start at, `step_summary` a file for
    Markdown.
    """

    provider: Provider
    commit: str = ""
    repository: str = ""
    url: str = ""
    checkout: Path | None = None
    step_summary: Path | None = None
    user: str = ""


def provider_of(environ: Mapping[str, str]) -> Provider:
    """The provider of the job."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return Provider.GITHUB
    if environ.get("GITLAB_CI") == "true":
        return Provider.GITLAB
    return Provider.JENKINS if environ.get("JENKINS_URL") else Provider.SHELL


def job_of(environ: Mapping[str, str]) -> Job:
    """The job that an environment describes."""
    provider, get = provider_of(environ), environ.get
    match provider:
        case Provider.GITHUB:
            return Job(
                provider,
                get("GITHUB_SHA", ""),
                _page(github.repository_url(environ)),
                _page(github.run_url(environ)),
                _path(get("GITHUB_WORKSPACE")),
                _path(get("GITHUB_STEP_SUMMARY")),
                get("GITHUB_ACTOR", ""),
            )
        case Provider.GITLAB:
            return Job(
                provider,
                get("CI_COMMIT_SHA", ""),
                _page(get("CI_PROJECT_URL", "")),
                _page(get("CI_JOB_URL", "")),
                _path(get("CI_PROJECT_DIR")),
                user=get("GITLAB_USER_LOGIN", ""),
            )
        case Provider.JENKINS:
            return Job(
                provider,
                get("GIT_COMMIT", ""),
                _page(get("GIT_URL", "")),
                _page(get("BUILD_URL", "")),
                _path(get("WORKSPACE")),
                user=get("BUILD_USER_ID", ""),
            )
        case Provider.SHELL:
            return Job(provider)


def read_event(environ: Mapping[str, str]) -> JobEvent | None:
    """The event that started the job; None where the provider names none, and what is checked out decides.

    Raises UsageError for variables that no provider sets like this.
    """
    match provider_of(environ):
        case Provider.GITHUB:
            return github.event_of(environ, github.read_payload(environ))
        case Provider.GITLAB:
            return gitlab.event_of(environ)
        case Provider.JENKINS:
            return jenkins.event_of(environ)
        case Provider.SHELL:
            return None


def main_branch(environ: Mapping[str, str]) -> str:
    """The repository's main branch as the provider names it; empty where it does not."""
    match provider_of(environ):
        case Provider.GITHUB:
            return github.main_branch(github.read_payload(environ))
        case Provider.GITLAB:
            return environ.get("CI_DEFAULT_BRANCH", "")
        case Provider.JENKINS:
            return jenkins.main_branch(environ)
        case Provider.SHELL:
            return ""


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _page(address: str) -> str:
    return address if address.startswith(("https://", "http://")) else ""
