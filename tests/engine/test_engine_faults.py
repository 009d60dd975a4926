"""What the SDK raises -> our errors."""

from __future__ import annotations

import pytest
from gql.transport.exceptions import TransportServerError
from tenacity import Future, RetryError

from pipeline.engine.faults import DISK_FULL, StepCancelled, explained, uncancelled
from pipeline.errors import BuildError, EnvironmentProblem


def retried(cause: Exception) -> RetryError:
    """What is left of a query that was tried again and again."""
    last = Future(5)
    last.set_exception(cause)
    return RetryError(last)


@pytest.mark.parametrize("deep", [0, 1, 2])
def test_a_group_of_the_sdks_is_its_first_cause(deep: int) -> None:
    """It looks up the objects that a query refers to in a task group."""
    fault: Exception = retried(TransportServerError("502 Bad Gateway\nread more there"))
    for _ in range(deep):
        fault = ExceptionGroup("unhandled errors in a TaskGroup", [fault])
    with pytest.raises(EnvironmentProblem) as raised, explained("building a"):
        raise fault
    assert raised.value.message == "building a: the engine went away (502 Bad Gateway)"


def test_an_error_of_our_own_stays_what_it_is() -> None:
    own = BuildError("building a: exit code: 1")
    with pytest.raises(BuildError) as raised, explained("building a"):
        raise ExceptionGroup("unhandled errors in a TaskGroup", [own])
    assert raised.value is own


@pytest.mark.parametrize(
    "words",
    [
        "write /x: no space left on device",
        "insert span: database or disk is full (13)",
        'could not parse exit code "": strconv.ParseInt: parsing "": invalid syntax',
    ],
)
def test_a_disk_without_space_is_the_environments_fault(words: str) -> None:
    import dagger
    import gql
    from dagger._exceptions import QueryErrorValue

    error = dagger.QueryError([QueryErrorValue(words)], gql.gql("{ version }"))
    with pytest.raises(EnvironmentProblem) as raised, explained("building a"):
        raise error
    assert raised.value.hint == DISK_FULL and raised.value.detail == words


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_a_step_that_was_cancelled_for_another_session_is_run_once_more(failures: int) -> None:
    """As the engine reports it when a session ends while another waits for the same step."""
    import anyio
    import dagger
    import gql
    from dagger._exceptions import QueryErrorValue

    words = "failed to clone built container state: failed to commit a to immutable b: context canceled"
    tries: list[int] = []

    async def step() -> str:
        tries.append(len(tries))
        with explained("listing the packages of a"):
            if len(tries) <= failures:
                raise dagger.QueryError([QueryErrorValue(words)], gql.gql("{ version }"))
        return "done"

    if failures < 2:
        assert anyio.run(uncancelled, step) == "done" and len(tries) == failures + 1
    else:
        with pytest.raises(StepCancelled, match="cancelled it with another session"):
            anyio.run(uncancelled, step)
