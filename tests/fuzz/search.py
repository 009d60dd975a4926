"""Searching: inputs of a target, one after the other, until one shows a fault that is not known yet."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.strategies import SearchStrategy

from tests.fuzz.hostile import changed_bytes
from tests.fuzz.kept import entries
from tests.fuzz.target import Found, Target, check


class TooMuch(BaseException):
    """An input has used more than any may. The code that reads it cannot catch this."""

    def __init__(self, where: str, text: str) -> None:
        super().__init__(where)
        self.where, self.text = where, text


@dataclass
class Search:
    """A target, what was found in it so far by its place, how many inputs were tried and how many gave a value.

    `limits` holds while an input is read, and raises TooMuch.
    """

    target: Target
    folder: Path
    limits: AbstractContextManager[None] = field(default_factory=nullcontext)
    found: dict[str, tuple[bytes, Found]] = field(default_factory=dict)
    tried: int = 0
    good: int = 0
    current: bytes = b""

    def run(self, examples: int, number: int | None = None) -> None:
        """Try so many inputs: always the same ones without a `number`, others for each number.

        What shows a new fault is shrunk and added to `found`; a known fault stops nothing.
        """
        shown: list[tuple[bytes, Found]] = []

        def one(content: bytes) -> None:
            fault = self._fault(content)
            if fault is None or fault.where in self.found or (shown and fault.where != shown[0][1].where):
                return  # while one fault is shrunk, another is left for later
            shown.append((content, fault))
            raise fault

        test = given(self._inputs(number is not None))(one)
        if number is not None:
            test = seed(number)(test)
        run = settings(
            max_examples=examples,
            derandomize=number is None,
            database=None,
            deadline=None,
            print_blob=False,
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )(test)
        try:
            run()
        except Found as fault:
            self.found[fault.where] = (shown[-1][0], fault)  # the smallest one is run last

    def _fault(self, content: bytes) -> Found | None:
        """What is wrong with an input; one that takes too much is kept as it is, for shrinking it takes as much."""
        self.tried += 1
        self.current = content
        try:
            with self.limits:
                self.good += check(self.target, content, self.folder)
        except Found as fault:
            return fault
        except TooMuch as fault:
            self.found.setdefault(fault.where, (content, Found(fault.where, fault.text)))
        return None

    def _inputs(self, with_corpus: bool) -> SearchStrategy[bytes]:
        """The target's own inputs; in a longer search, changed ones of the corpus as well."""
        kept = [path.read_bytes() for path in entries(self.target.name)] if with_corpus else []
        return self.target.inputs | changed_bytes(kept) if kept else self.target.inputs
