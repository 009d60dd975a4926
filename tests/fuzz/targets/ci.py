"""The environment of a CI job, and the event that it names: names of branches, of tags, of hosts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from pipeline.ci import job_of, main_branch, read_event
from pipeline.cli.git.revision import read_epoch
from pipeline.errors import LockageError
from pipeline.model import TagTemplate, valid_tag
from pipeline.policy import Revision
from pipeline.policy.tags import commit_tags
from pipeline.registry.auth.environ import (
    ca_file_from_environ,
    hosts_from_environ,
    mirrors_from_environ,
    proxies_from_environ,
)
from pipeline.run.platform_refs import read_refs
from pipeline.util.child_environment import child_environment
from tests.fuzz.hostile import changed_json, hostile_texts, to_bytes
from tests.fuzz.target import Target

_VARIABLES = {
    "GITHUB_ACTIONS": ["true"],
    "GITHUB_REF": ["refs/pull/7/merge", "refs/heads/main", "refs/pull/"],
    "GITHUB_REF_NAME": ["main", "feature/x", "v1.0.0"],
    "GITHUB_REF_TYPE": ["tag", "branch"],
    "GITHUB_EVENT_NAME": [
        "push",
        "pull_request_target",
        "workflow_run",
        "issue_comment",
        "workflow_dispatch",
    ],
    "GITLAB_CI": ["true"],
    "CI_MERGE_REQUEST_IID": ["7", "٣", "²"],
    "CI_COMMIT_TAG": ["v1.0.0"],
    "CI_COMMIT_BRANCH": ["main"],
    "CI_DEFAULT_BRANCH": ["main"],
    "JENKINS_URL": ["http://x"],
    "CHANGE_ID": ["7"],
    "TAG_NAME": ["v1"],
    "BRANCH_NAME": ["main"],
    "BRANCH_IS_PRIMARY": ["true"],
    "SOURCE_DATE_EPOCH": ["0", "1700000000", "٣", "1" * 13],
    "LOCKAGE_CA_FILE": ["a.lan=/x", "/x,/y", "a=,b="],
    "LOCKAGE_PLAIN_HTTP": ["a.lan:5000,b", "localhost"],
    "LOCKAGE_MIRRORS": ["docker.io=harbor.lan/hub", "docker.io=x@y"],
    "HTTPS_PROXY": ["http://u:CANARY@proxy:3128", "proxy", "http://u:CANARY@proxy:x", "http://[u:CANARY@x"],
    "http_proxy": ["socks5://u:CANARY@x", "http://CANARY/x@y:1"],
    "NO_PROXY": ["localhost,.lan"],
}
_EVENT = {
    "repository": {"default_branch": "main"},
    "ref": "refs/heads/main",
    "pull_request": {"number": 7, "head": {"repo": {"full_name": "eve/x"}}, "base": {"ref": "main"}},
    "workflow_run": {"event": "pull_request", "head_repository": {"full_name": "eve/x"}},
    "issue": {"number": 7, "pull_request": {"url": "x"}},
    "inputs": {"version": "v1", "dry": True},
}
_TEMPLATES = tuple(
    map(TagTemplate.parse, ("ci-{sha}-{tag}", "{branch}-{short}-{tag}", "pr-{pr}-{tag}", "{branch}{sha}"))
)
_REFS = {
    "format_version": 1,
    "refs": [
        {
            "id": "app/1.0.0/linux-amd64",
            "image": "app",
            "tag": "1.0.0",
            "platform": "linux/amd64",
            "key": "0" * 64,
            "reference": "ghcr.io/acme/builds@sha256:" + "0" * 64,
        }
    ],
}


def _environments() -> st.SearchStrategy[dict[str, Any]]:
    one = st.sampled_from(sorted(_VARIABLES)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(_VARIABLES[name]) | hostile_texts)
    )
    return st.lists(one, max_size=6).map(dict)


def _variables(content: bytes) -> dict[str, str] | None:
    """Variables as the inputs of this target have them; None for bytes that changed into something else."""
    try:
        data = json.loads(content)
        return {str(name): str(value) for name, value in data.items()}
    except (ValueError, AttributeError, RecursionError):
        return None


def read_environment(content: bytes, folder: Path) -> None:
    """Everything that is read from an environment; the second part is GitHub's event."""
    variables, _, event = content.partition(b"\x1e")
    environ = _variables(variables)
    if environ is None:
        return
    (folder / "event.json").write_bytes(event)
    environ["GITHUB_EVENT_PATH"] = str(folder / "event.json")
    main_branch(environ)
    child_environment("git", environ)
    job_of(environ)
    for read in (
        read_epoch,
        hosts_from_environ,
        ca_file_from_environ,
        mirrors_from_environ,
        proxies_from_environ,
    ):
        try:
            read(environ)
        except LockageError as error:
            assert "CANARY" not in json.dumps(error.to_json()), error.message
    try:
        found = read_event(environ)
    except LockageError as error:
        json.dumps(error.to_json())
        return
    if found is None:
        return
    revision = Revision("0" * 40, False, 0, found.branch, found.number, found.tag)
    assert all(map(valid_tag, commit_tags(revision, "1.0.0", _TEMPLATES)))


def read_reference_file(content: bytes, folder: Path) -> None:
    """A file of references that another job wrote."""
    read_refs(content, "refs.json")


TARGETS = (
    Target(
        "ci",
        st.builds(
            lambda env, event: to_bytes(json.dumps(env)) + b"\x1e" + event,
            _environments(),
            changed_json([_EVENT]),
        ),
        read_environment,
    ),
    Target("refs", changed_json([_REFS], ["reference", "platform"]), read_reference_file, examples=60),
)
