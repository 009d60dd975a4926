"""Which forge a release goes to, and by which token: from the variables of the job, else from the checkout's origin.

A token goes to the address that its variable is documented for, and to no address that a checkout names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from urllib.parse import urlsplit

from pipeline.ci.job import Provider, provider_of
from pipeline.errors import UsageError
from pipeline.registry import Access
from pipeline.registry.http.rest import RestApi
from pipeline.util.dataclass import dataclass

from .github import GithubReleases, github_api
from .gitlab import GitlabReleases, gitlab_api
from .pull_requests.github import GithubPullRequests
from .pull_requests.gitlab import WRITES, GitlabMergeRequests
from .pull_requests.values import PullRequests
from .values import Forge

_GITHUB, _GITLAB = "github.com", "gitlab.com"
_OTHERS = ("GITEA_ACTIONS", "FORGEJO_ACTIONS")
"""Set in the jobs of programs that run workflows of GitHub and have other APIs."""
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class ForgeAddress:
    """An API, a project on it, and the token. `job` is set for that of a GitLab job, whose tag and commit are `tag`."""

    provider: Provider
    url: str
    project: str
    token: str = field(repr=False)
    job: bool = False
    tag: tuple[str, str] | None = None

    def api(self, access: Access | None = None) -> RestApi:
        """Its client. Raises UsageError for an address over plain HTTP."""
        if self.provider is Provider.GITHUB:
            return github_api(self.url, self.token, access)
        return gitlab_api(self.url, self.token, access, job=self.job)

    def releases(self, api: RestApi) -> Forge:
        """The releases of the project."""
        if self.provider is Provider.GITHUB:
            return GithubReleases(api, self.project)
        return GitlabReleases(api, self.project, self.tag)

    def require_writes(self) -> None:
        """Raise UsageError for a token that opens no pull requests, whatever its owner may."""
        if self.job:
            raise UsageError("a job's token can neither commit nor open merge requests", hint=WRITES)

    def pull_requests(self, api: RestApi) -> PullRequests:
        """The pull or merge requests of the project."""
        if self.provider is Provider.GITHUB:
            return GithubPullRequests(api, self.project)
        return GitlabMergeRequests(api, self.project)


def forge_address(environ: Mapping[str, str], origin: str) -> ForgeAddress:
    """Where a release goes; `origin` is the address of the checkout's repository. Raises UsageError."""
    match provider_of(environ):
        case Provider.GITHUB if any(environ.get(name) for name in _OTHERS):
            raise UsageError(
                "Gitea and Forgejo have another API for releases and pull requests than GitHub",
                hint="lockage notes VERSION --output release writes the files, for an action of yours; "
                "retention --closed-pull-requests FILE takes a list",
            )
        case Provider.GITHUB:
            url, project = environ.get("GITHUB_API_URL", ""), environ.get("GITHUB_REPOSITORY", "")
            return _github(environ, url or f"https://api.{_GITHUB}", project)
        case Provider.GITLAB:
            url, project = environ.get("CI_API_V4_URL", ""), environ.get("CI_PROJECT_ID", "")
            return _gitlab_job(environ, url or f"https://{_GITLAB}/api/v4", project)
        case _:
            return _of_checkout(environ, origin)


def _of_checkout(environ: Mapping[str, str], origin: str) -> ForgeAddress:
    parts = urlsplit(origin)
    host, path = (parts.hostname or "").lower(), parts.path.strip("/").removesuffix(".git")
    enterprise, gitlab = environ.get("GH_HOST", "").lower(), _host(environ.get("GITLAB_HOST", ""))
    if host == _GITHUB:
        return _github(environ, f"https://api.{_GITHUB}", path)
    if host and host == enterprise:
        token = environ.get("GH_ENTERPRISE_TOKEN") or environ.get("GITHUB_ENTERPRISE_TOKEN") or ""
        ghe_com = host.endswith(".ghe.com")
        url = f"https://api.{host}" if ghe_com else f"https://{host}/api/v3"
        return _github({**environ, "GITHUB_TOKEN": token, "GH_TOKEN": ""} if token else {}, url, path)
    if host and host == (gitlab or _GITLAB):
        token = environ.get("GITLAB_TOKEN", "")
        return ForgeAddress(Provider.GITLAB, f"https://{host}/api/v4", path, _token(token, "GITLAB_TOKEN"))
    if not host:
        raise UsageError(
            "no repository on GitHub or GitLab is known: this is none of their jobs, and the checkout "
            "has no remote origin",
            hint="git remote add origin https://github.com/OWNER/NAME",
        )
    raise UsageError(
        f"the repository is on {host}, which is no GitHub or GitLab that is known here",
        hint="GH_HOST names a GitHub Enterprise Server, GITLAB_HOST a GitLab; jobs of both need neither",
    )


def _github(environ: Mapping[str, str], url: str, project: str) -> ForgeAddress:
    if not _REPOSITORY.fullmatch(project):
        raise UsageError(
            f"{project[:200]!r} is not a repository of GitHub", hint="GITHUB_REPOSITORY is OWNER/NAME"
        )
    token = environ.get("GH_TOKEN") or environ.get("GITHUB_TOKEN") or ""
    return ForgeAddress(Provider.GITHUB, url, project, _token(token, "GITHUB_TOKEN"))


def _gitlab_job(environ: Mapping[str, str], url: str, project: str) -> ForgeAddress:
    if not project:
        raise UsageError("the job has no CI_PROJECT_ID", hint="GitLab sets it in every job")
    tag = environ.get("CI_COMMIT_TAG", ""), environ.get("CI_COMMIT_SHA", "")
    if token := environ.get("GITLAB_TOKEN", ""):
        return ForgeAddress(Provider.GITLAB, url, project, token)
    token = _token(environ.get("CI_JOB_TOKEN", ""), "CI_JOB_TOKEN or GITLAB_TOKEN")
    return ForgeAddress(Provider.GITLAB, url, project, token, True, tag if all(tag) else None)


def _token(value: str, variable: str) -> str:
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise UsageError(
            f"no token for the API: {variable} is {'not set' if not value else 'no token'}",
            hint="env: {GITHUB_TOKEN: ${{ github.token }}} and permissions: {contents: write} for a job of GitHub"
            if "GITHUB" in variable
            else "every job of GitLab has CI_JOB_TOKEN; elsewhere GITLAB_TOKEN is a token with the scope api",
        )
    return value


def _host(text: str) -> str:
    """The host of GITLAB_HOST, which may be an address."""
    return (urlsplit(text if "://" in text else f"https://{text}").netloc if text else "").lower()
