"""ci/lockage.yml: what the jobs of a CI are generated from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from .base import Model, PlatformName, Text
from .validation import read_document

Provider = Literal["github", "gitlab", "jenkins"]
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,200}")
_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}")
_CRON = re.compile(r"[0-9*/,-]+(?: [0-9*/,-]+){4}")


def _matching(pattern: re.Pattern[str], what: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"{text[:80]!r} is not {what}")
        return text

    return AfterValidator(check)


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable() or "'''" in text:
        raise ValueError("one line for a shell is expected")
    return text


def _shown(pattern: re.Pattern[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern.pattern})$"})


Branch = Annotated[Text, _matching(_BRANCH, "the name of a branch"), _shown(_BRANCH)]
Label = Annotated[Text, _matching(_LABEL, "the label of a runner"), _shown(_LABEL)]
Cron = Annotated[Text, _matching(_CRON, "five fields of digits, '*', '/', ',' and '-'"), _shown(_CRON)]


class CiJobs(Model):
    """What generated jobs depend on beside lockage.yml."""

    providers: tuple[Provider, ...] = Field((), description="Whose jobs are kept in this repository")
    setup: Annotated[Text, AfterValidator(_one_line), WithJsonSchema({"type": "string", "minLength": 1})] = (
        Field(description="The line that puts lockage on PATH, pinned")
    )
    branch: Branch = Field("main", description="The branch whose images are published")
    runner: Label | None = Field(None, description="The runner of jobs that build nothing")
    runners: Mapping[PlatformName, Label] = Field(
        default_factory=dict, description="Runners of platforms in place of the provider's own"
    )
    lock: Literal["report", "propose"] = Field(
        "report",
        description="What the schedule does when a base or tool has moved: fail, or propose the new lock",
    )
    rescan: Cron = Field(
        "17 3 * * *", description="When what is published is scanned again, and the other scheduled jobs run"
    )


def read_ci_jobs(content: bytes, path: str) -> CiJobs:
    """The content of the file. Raises ConfigError with every problem."""
    return read_document(CiJobs, content, path, "docs/ci.md has its keys")
