"""Limits of one input in a longer search: processor time, waiting, and the memory of the process."""

from __future__ import annotations

import resource
import signal
import traceback
from types import FrameType, TracebackType

from tests.fuzz.search import TooMuch
from tests.fuzz.target import PACKAGE

_MOST_MEMORY = 3 * 1024**3
_MOST_TIME = 10.0  # seconds of processor time, for what takes milliseconds
_LONGEST = 300.0  # seconds by the clock, for what waits for nothing that comes


class Limits:
    """Raises TooMuch where an input takes more time than any should; entered for each input."""

    def __init__(self) -> None:
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, resource.RLIM_INFINITY))
        signal.signal(signal.SIGPROF, self._stop)
        signal.signal(signal.SIGALRM, self._stop)

    def __enter__(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, _MOST_TIME)
        signal.setitimer(signal.ITIMER_REAL, _LONGEST)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        frames = [entry for entry in traceback.extract_stack(frame) if PACKAGE in entry.filename]
        where = frames[-1].name if frames else "a test"
        raise TooMuch(f"too much time in {where}", "".join(traceback.format_list(frames[-6:])))
