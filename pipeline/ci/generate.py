"""The files of a provider's jobs, from templates beside this file. Pure: the same jobs give the same bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Set
from dataclasses import field
from importlib import resources
from types import MappingProxyType
from typing import Literal

from pipeline.model import Platform
from pipeline.util.dataclass import dataclass

from .matrix_formats import AMD64, FORMATS

JobProvider = Literal["github", "gitlab", "jenkins"]
PROVIDERS: tuple[JobProvider, ...] = ("github", "gitlab", "jenkins")
_PLACEHOLDER = re.compile(r"@([A-Z_]+)@")
_SECTION = re.compile(r"^@if ([A-Z_]+)@\n(.*?)^@end \1@\n", re.MULTILINE | re.DOTALL)
_PLAIN = re.compile(r"[A-Za-z./][A-Za-z0-9 ./=+_~-]*")
_FILES: Mapping[JobProvider, Mapping[str, str]] = {
    "github": {
        ".github/workflows/images.yml": "github-caller.yml",
        ".github/workflows/lockage.yml": "github.yml",
    },
    "gitlab": {".gitlab/lockage.yml": "gitlab.yml", ".gitlab/lockage-jobs.yml": "gitlab-jobs.yml"},
    "jenkins": {"Jenkinsfile": "Jenkinsfile"},
}
_ACTIONS = {
    "CHECKOUT": "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0",
    "DOWNLOAD_ARTIFACT": "actions/download-artifact@634f93cb2916e3fdff6788551b99b062d0335ce0 # v5.0.0",
    "UPLOAD_ARTIFACT": "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2",
    "UPLOAD_SARIF": "github/codeql-action/upload-sarif@51f77329afa6477de8c49fc9c7046c15b9a4e79d # v3.29.5",
}
"""Actions by commit: a tag may move."""
_RETENTION = "lockage retention --apply"
_CLOSED_LISTED = f"{_RETENTION} --closed-from-forge"
_TOKEN_BINDING = ",\n    string(credentialsId: 'lockage-identity-token', variable: '{}')"


@dataclass(frozen=True, slots=True)
class Jobs:
    """What jobs depend on.

    `setup` is the line that puts lockage on PATH, `environment` what a run promotes to, `runner` the label for jobs
    that build nothing, `rescan` when the jobs of the schedule run (cron). `identity_token` is the variable with the
    token that images are signed by, where the provider makes it; `retention` is whether lockage.yml has rules,
    `closed_pull_requests` whether one of them is about closed pull requests. `propose` is whether the schedule proposes
    a new lock.
    """

    setup: str
    environment: str
    branch: str = "main"
    runner: str | None = None
    runners: Mapping[Platform, str] = field(default_factory=lambda: MappingProxyType({}))
    rescan: str = "17 3 * * *"
    identity_token: str | None = None
    retention: bool = False
    closed_pull_requests: bool = False
    propose: bool = False

    @property
    def sections(self) -> frozenset[str]:
        """The optional sections of templates that are kept."""
        wanted = {
            "KEYLESS": self.identity_token is not None,
            "RETENTION": self.retention,
            "CLOSED": self.closed_pull_requests,
            "CLOSED_READ": self.closed_pull_requests and not self.propose,
            "PROPOSE": self.propose,
            "REPORT": not self.propose,
        }
        return frozenset(name for name, kept in wanted.items() if kept)


def job_files(provider: JobProvider, jobs: Jobs) -> dict[str, str]:
    """The provider's files by path below the repository."""
    runners = "".join(f" --runner {platform}={label}" for platform, label in sorted(jobs.runners.items()))
    values = _ACTIONS | {
        "ENVIRONMENT": jobs.environment,
        "BRANCH": jobs.branch,
        "RUNNER": jobs.runner or jobs.runners.get(AMD64) or FORMATS[provider].labels[AMD64],
        "RUNNERS": runners,
        "CRON": jobs.rescan,
        "TOKEN": jobs.identity_token or "",
        "SIGNS": "[.lockage, .lockage-signs]" if jobs.identity_token else ".lockage",
        "TOKEN_BINDING": _TOKEN_BINDING.format(jobs.identity_token) if jobs.identity_token else "",
        "RETENTION": _CLOSED_LISTED if jobs.closed_pull_requests else _RETENTION,
    }
    folder = resources.files(__package__) / "templates"
    return {
        path: _filled(
            _kept(folder.joinpath(name).read_text("utf-8"), jobs.sections),
            values | {"SETUP": _in_file(jobs.setup, path)},
        )
        for path, name in _FILES[provider].items()
    }


def _kept(text: str, sections: Set[str]) -> str:
    """A template without the optional sections that are not wanted, and without the marks of the others."""
    return _SECTION.sub(lambda section: _kept(section[2], sections) if section[1] in sections else "", text)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)


def _in_file(line: str, path: str) -> str:
    """A line for a shell as a file has it: a YAML scalar, or within a Groovy string of three quotes."""
    if not path.endswith(".yml"):
        return line.replace("\\", "\\\\")
    return line if _PLAIN.fullmatch(line) else json.dumps(line, ensure_ascii=False)
