"""GitHub Actions, and what runs its workflows (Gitea, Forgejo): "Default environment variables", "Events that trigger
workflows" and the webhook payload in GITHUB_EVENT_PATH."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .event import EventKind, JobEvent, of_ref, request_number

_PULL = "refs/pull/"
_TAG = "refs/tags/"
_QUEUE = "refs/heads/gh-readonly-queue/"
_MANUAL = ("workflow_dispatch", "repository_dispatch")
_PROPOSALS = ("pull_request", "pull_request_target")
_READ_ONLY = "dependabot[bot]"  # its runs get no secrets and a token that only reads
_MAX_BYTES = 32 * 1024 * 1024  # GitHub's largest payload has 25 MB


def read_payload(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """The webhook payload of the event; empty where it cannot be read."""
    try:
        with Path(environ.get("GITHUB_EVENT_PATH", "")).open("rb") as file:
            payload = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def event_of(environ: Mapping[str, str], payload: Mapping[str, Any]) -> JobEvent | None:
    """The event, which GITHUB_EVENT_NAME, GITHUB_REF and the payload name. Raises UsageError.

    A pull request is one by any of its signs: GITHUB_REF of `pull_request_target` is the base branch, and so is that
    of a comment on a pull request and of a workflow that a pull request's workflow started.
    """
    name, ref = environ.get("GITHUB_EVENT_NAME", ""), environ.get("GITHUB_REF", "")
    if name == "merge_group" or ref.startswith(_QUEUE):
        base = _text(payload, "merge_group", "base_ref").removeprefix("refs/heads/")
        return JobEvent(EventKind.MERGE_QUEUE, target=base)
    if (request := _pull_request(environ, payload)) is not None:
        return request
    kind = EventKind.PUSH
    if name == "schedule":
        kind = EventKind.SCHEDULE
    elif name in _MANUAL:
        kind = EventKind.MANUAL
    name = environ.get("GITHUB_REF_NAME", "") or ref.removeprefix("refs/heads/").removeprefix(_TAG)
    tag = environ.get("GITHUB_REF_TYPE") == "tag" or ref.startswith(_TAG)  # older servers set no type
    event = of_ref(kind, name, tag=tag)
    if event is None or kind is not EventKind.MANUAL:
        return event
    return JobEvent(kind, event.branch, event.tag, inputs=_inputs(payload))


def main_branch(payload: Mapping[str, Any]) -> str:
    """The default branch of the repository; empty where the payload does not name it."""
    return _text(payload, "repository", "default_branch")


def run_url(environ: Mapping[str, str]) -> str:
    """The page of this run; empty where a part of its address is missing."""
    parts = [environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    return f"{parts[0]}/{parts[1]}/actions/runs/{parts[2]}" if all(parts) else ""


def repository_url(environ: Mapping[str, str]) -> str:
    """The page of the repository."""
    parts = [environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY")]
    return "/".join(parts) if all(parts) else ""


def _pull_request(environ: Mapping[str, str], payload: Mapping[str, Any]) -> JobEvent | None:
    name, ref = environ.get("GITHUB_EVENT_NAME", ""), environ.get("GITHUB_REF", "")
    request, workflow = _table(payload, "pull_request"), _table(payload, "workflow_run")
    started_by_one = name == "workflow_run" and _text(workflow, "event") in _PROPOSALS
    commented = name == "issue_comment" and bool(_table(payload, "issue", "pull_request"))
    of_ref = ref.removeprefix(_PULL).partition("/")[0] if ref.startswith(_PULL) else ""
    if not (
        name.startswith("pull_request")
        or ref.startswith(_PULL)
        or environ.get("GITHUB_HEAD_REF")
        or request
        or started_by_one
        or commented
    ):
        return None
    head, number = _text(request, "head", "repo", "full_name"), _number(request)
    if started_by_one:
        head, number = _text(workflow, "head_repository", "full_name"), ""
    elif commented:
        number = _number(_table(payload, "issue"))
    own = environ.get("GITHUB_REPOSITORY", "") or _text(payload, "repository", "full_name")
    return JobEvent(
        EventKind.PULL_REQUEST,
        number=request_number(of_ref, "GITHUB_REF") or number,
        target=environ.get("GITHUB_BASE_REF", "") or _text(request, "base", "ref"),
        fork=not head or head != own or environ.get("GITHUB_ACTOR") == _READ_ONLY,
    )


def _inputs(payload: Mapping[str, Any]) -> Mapping[str, str]:
    """Inputs as text: JSON has booleans and numbers where the workflow declares such types."""
    inputs = _table(payload, "inputs") or _table(payload, "client_payload")
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in inputs.items()}


def _table(data: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        value = data.get(name)
        if not isinstance(value, dict):
            return {}
        data = value
    return data


def _text(data: Mapping[str, Any], *names: str) -> str:
    value = _table(data, *names[:-1]).get(names[-1])
    return value if isinstance(value, str) else ""


def _number(request: Mapping[str, Any]) -> str:
    value = request.get("number")
    return str(value) if type(value) is int and 0 < value < 10**18 else ""
