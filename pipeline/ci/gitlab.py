"""GitLab CI: "Predefined CI/CD variables reference"."""

from __future__ import annotations

from collections.abc import Mapping

from .event import EventKind, JobEvent, of_ref, request_number

_MANUAL = ("web", "api", "trigger", "chat", "webide")
_REQUESTS = ("merge_request_event", "external_pull_request_event")


def event_of(environ: Mapping[str, str]) -> JobEvent | None:
    """The event, which CI_PIPELINE_SOURCE and the variables of merge requests, tags and branches name. Raises
    UsageError."""
    get = environ.get
    source = get("CI_PIPELINE_SOURCE", "")
    if get("CI_MERGE_REQUEST_EVENT_TYPE") == "merge_train":
        return JobEvent(EventKind.MERGE_QUEUE, target=get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", ""))
    if get("CI_MERGE_REQUEST_IID") or get("CI_EXTERNAL_PULL_REQUEST_IID") or source in _REQUESTS:
        return _request(environ)
    kind = EventKind.PUSH
    if source == "schedule":
        kind = EventKind.SCHEDULE
    elif source in _MANUAL:
        kind = EventKind.MANUAL
    tag = get("CI_COMMIT_TAG", "")
    return of_ref(kind, tag or get("CI_COMMIT_BRANCH", ""), tag=bool(tag))


def _request(environ: Mapping[str, str]) -> JobEvent:
    get = environ.get
    if get("CI_EXTERNAL_PULL_REQUEST_IID") and not get("CI_MERGE_REQUEST_IID"):
        name, target = "CI_EXTERNAL_PULL_REQUEST_IID", get("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME", "")
        source, own = (
            get(f"CI_EXTERNAL_PULL_REQUEST_{side}_REPOSITORY", "") for side in ("SOURCE", "TARGET")
        )
    else:
        name, target = "CI_MERGE_REQUEST_IID", get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "")
        source, own = get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", ""), get("CI_MERGE_REQUEST_PROJECT_ID", "")
    number = request_number(get(name, ""), name)
    return JobEvent(EventKind.PULL_REQUEST, number=number, target=target, fork=not source or source != own)
