"""Jenkins: the variables of multibranch pipelines (plugins branch-api and git). They do not tell who or what started a
build, so every build that is no change request is a push."""

from __future__ import annotations

from collections.abc import Mapping

from .event import EventKind, JobEvent, of_ref, request_number


def event_of(environ: Mapping[str, str]) -> JobEvent | None:
    """The event, which CHANGE_ID, TAG_NAME and BRANCH_NAME name. Raises UsageError."""
    get = environ.get
    if number := get("CHANGE_ID"):
        return JobEvent(
            EventKind.PULL_REQUEST,
            number=request_number(number, "CHANGE_ID"),
            target=get("CHANGE_TARGET", ""),
            fork=bool(get("CHANGE_FORK")),
        )
    tag = get("TAG_NAME", "")
    return of_ref(EventKind.PUSH, tag or get("BRANCH_NAME", ""), tag=bool(tag))


def main_branch(environ: Mapping[str, str]) -> str:
    """The branch of this build where it is the primary one."""
    return environ.get("BRANCH_NAME", "") if environ.get("BRANCH_IS_PRIMARY") == "true" else ""
