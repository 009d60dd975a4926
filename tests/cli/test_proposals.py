"""How far a run is trusted, by its event and `--no-push`, which only ever restricts."""

from __future__ import annotations

import pytest

from pipeline.ci import Event, EventKind
from pipeline.cli.proposals import Reach, Trust, require_reviewed
from pipeline.errors import UsageError
from pipeline.run import Stage

_FORK = Event(EventKind.PULL_REQUEST, number="7", fork=True)
_OWN = Event(EventKind.PULL_REQUEST, number="7")


@pytest.mark.parametrize(
    ("event", "no_push", "reach", "secrets"),
    [
        (None, False, Reach.PROJECT, True),
        (None, True, Reach.INSTANCE, True),
        (Event(EventKind.PUSH, branch="main"), False, Reach.PROJECT, True),
        (Event(EventKind.MERGE_QUEUE), False, Reach.PROJECT, True),
        (Event(EventKind.PUSH, branch="main"), True, Reach.INSTANCE, True),
        (_OWN, False, Reach.PROPOSALS, True),
        (_OWN, True, Reach.INSTANCE, True),
        (_FORK, False, Reach.INSTANCE, False),
        (_FORK, True, Reach.INSTANCE, False),
    ],
)
def test_what_a_run_may_write(event: Event | None, no_push: bool, reach: Reach, secrets: bool) -> None:
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
