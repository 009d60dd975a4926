"""Progress on stderr: one line per event, and on a terminal a last line with what runs now."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

_PASSED = ("built", "reused", "in place")  # the table shows these: no line of their own
_STOPPED = ("closed", "failed", "aborted")
_MAX_RUNNING = 4  # subjects in the last line


class Progress:
    """Callable as `report(subject, stage, detail)`. As a context manager it shows on a terminal what runs now.

    A subject runs from its first event to one whose stage says how it ended.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._last = ("", "", "")
        self._running: dict[str, tuple[str, float]] = {}
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            console = Console(stderr=True, highlight=False)
            self._live = Live(
                console=console, get_renderable=self._running_line, refresh_per_second=4, transient=True
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def __call__(self, subject: str, stage: str, detail: str) -> None:
        """Show one event, once."""
        event = (subject, stage, detail)
        if event == self._last:
            return
        self._last = event
        if stage in _PASSED:
            self._running.pop(subject, None)
            return
        if stage in _STOPPED:
            self._running.pop(subject, None)
        elif subject:
            self._running[subject] = (stage, time.monotonic())
        seconds = time.monotonic() - self._began
        text = f"{seconds:7.1f}s  {stage:<8} {subject}" + (f"  {detail}" if detail else "")
        if self._live:
            self._live.console.print(text, markup=False, soft_wrap=True)
        else:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def step(self, step: str, detail: str) -> None:
        """Show a step of the lab, which has no subject."""
        self("", step, detail)

    def _running_line(self) -> Text:
        from rich.text import Text

        now = time.monotonic()
        parts = [f"{subject} {stage} {now - since:.0f}s" for subject, (stage, since) in self._running.items()]
        more = f" and {len(parts) - _MAX_RUNNING} more" if len(parts) > _MAX_RUNNING else ""
        line = " · ".join(parts[:_MAX_RUNNING]) + more
        return Text(
            f"{now - self._began:7.0f}s  {line}" if line else "",
            style="dim",
            no_wrap=True,
            overflow="ellipsis",
        )
