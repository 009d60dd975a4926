"""A call of a function: its arguments as values, its errors and its result as the caller sees them."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dagger.mod._exceptions import FunctionError

from pipeline.engine.trace import encapsulated
from pipeline.errors import LockageError
from pipeline.util.json.canonical import pretty
from pipeline.util.printable import safe_json, safe_line

if TYPE_CHECKING:
    from pipeline.policy.retention import RetentionPlan
    from pipeline.release.retention.perform import Outcome
    from pipeline.run.secondary.follow import SecondaryResult
    from pipeline.util.json.values import AsData
    from pipeline.util.progress import ProgressEvent

    from .argument_values import ModuleArguments


class Refused(FunctionError):
    """An error as a caller sees it: message, evidence and next command, without the SDK's traceback."""


class Functions(ABC):
    """Functions of the module, which all have its arguments."""

    @abstractmethod
    def given(self) -> ModuleArguments:
        """The arguments of the module."""


@contextmanager
def refusals() -> Iterator[None]:
    """Errors of Lockage as those of the function."""
    with encapsulated():
        try:
            yield
        except LockageError as fault:
            from pipeline.run.summary import describe

            raise Refused(describe(fault)) from None


def report(event: ProgressEvent) -> None:
    """Progress in Dagger's log, a line each."""
    sys.stderr.write(safe_line(f"{event.state:<8} {event.subject}  {event.detail}".rstrip()) + "\n")


def deleted_text(plan: RetentionPlan, outcomes: Sequence[Outcome]) -> str:
    """A plan of retention and what became of it, as the text that a function gives. Raises Refused with that text where
    not everything went well."""
    text = json_text({**plan.to_json(), "outcomes": [one.to_json() for one in outcomes]})
    wrong = [str(one.plan.repository) for one in outcomes if one.fault or one.broken]
    if wrong:
        raise Refused(f"registry: not everything went well in {', '.join(wrong)}\n\n{text}")
    return text


def json_text(data: object) -> str:
    """Data as the text that a function gives."""
    return safe_json(pretty(data))


def with_secondaries(done: Sequence[AsData], secondaries: Sequence[SecondaryResult]) -> str:
    """Changes of environments, then those at secondary registries. Raises Refused, with all of it, if one is behind."""
    text = json_text([*(one.to_json() for one in done), *(one.to_json() for one in secondaries)])
    behind = [f"{one.environment}: {one.fault.message}" for one in secondaries if one.fault]
    if behind:
        raise Refused(f"registry: a later run brings up to date {'; '.join(behind)}\n\n{text}")
    return text
