"""How far a run is trusted, by its event and `--no-push`, which only ever restricts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.ci import EventKind, JobEvent
from pipeline.cli.proposals import ProposalSite, Reach, Trust, require_reviewed
from pipeline.errors import UsageError
from pipeline.model import Repository
from pipeline.registry import Registry
from pipeline.run import Stage
from tests.catalogue.sample import plan

_FORK = JobEvent(EventKind.PULL_REQUEST, number="7", fork=True)
_OWN = JobEvent(EventKind.PULL_REQUEST, number="7")


@pytest.mark.parametrize(
    ("event", "no_push", "reach", "secrets"),
    [
        (None, False, Reach.PROJECT, True),
        (None, True, Reach.INSTANCE, True),
        (JobEvent(EventKind.PUSH, branch="main"), False, Reach.PROJECT, True),
        (JobEvent(EventKind.MERGE_QUEUE), False, Reach.PROJECT, True),
        (JobEvent(EventKind.PUSH, branch="main"), True, Reach.INSTANCE, True),
        (_OWN, False, Reach.PROPOSALS, True),
        (_OWN, True, Reach.INSTANCE, True),
        (_FORK, False, Reach.INSTANCE, False),
        (_FORK, True, Reach.INSTANCE, False),
    ],
)
def test_what_a_run_may_write(event: JobEvent | None, no_push: bool, reach: Reach, secrets: bool) -> None:
    trust = Trust.of(event, no_push=no_push)
    assert (trust.reach, trust.secrets) == (reach, secrets)
    assert bool(trust.note) == (reach is not Reach.PROJECT)
    last = [trust.last_stage(stage) for stage in (Stage.TEST, Stage.PUSH, Stage.SIGN, Stage.PROMOTE)]
    ends = (Stage.SIGN, Stage.PROMOTE) if reach is Reach.PROJECT else (Stage.PUSH, Stage.PUSH)
    assert last == [Stage.TEST, Stage.PUSH, *ends]


def test_commands_for_reviewed_code_refuse_pull_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL"):
        monkeypatch.delenv(name, raising=False)
    require_reviewed("promote")
    monkeypatch.setenv("JENKINS_URL", "https://ci.example/")
    monkeypatch.setenv("CHANGE_ID", "7")
    with pytest.raises(UsageError, match="pull request 7: `lockage promote` writes") as refused:
        require_reviewed("promote")
    assert refused.value.hint


def test_the_end_of_repositories_names_is_the_project_s() -> None:
    """Beside the project's own, or in the machine's registry."""
    made = plan({"app/image.yml": "tags: [1.0.0]\n", "app/Dockerfile.tmpl": "FROM scratch\n"})
    project = replace(made.project, pull_request_suffix="/proposed")
    builds = Repository("registry.example", "acme/builds")
    site = ProposalSite(project, builds, "127.0.0.1:5000", ())
    registry = Registry()
    assert site.proposal(Trust(), registry) is None
    for trust, host in ((Trust.of(_OWN), builds.host), (Trust.of(_FORK), "127.0.0.1:5000")):
        proposal = site.proposal(trust, registry)
        assert proposal is not None and proposal.builds == Repository(host, "acme/builds/proposed")
        assert proposal.repository(Repository("registry.example", "dev/app")).path == "dev/app/proposed"
