"""Progress on stderr: a line for each event, and on a terminal a last line with what is running."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pipeline.util.printable import safe_line
from pipeline.util.progress import ProgressEvent, ProgressState

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

_SILENT_ENDS = frozenset({ProgressState.BUILT, ProgressState.REUSED, ProgressState.UP_TO_DATE})
"""Good ends: the table at the end of a run shows them."""
_SHOWN_ENDS = frozenset({ProgressState.CLOSED, ProgressState.FAILED, ProgressState.ABORTED})
_MOST_RUNNING = 4


class Progress:
    """Receives the events of a run, as `report(event)`. As a context manager it shows on a terminal what is running.

    A subject runs from its first event to its end.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._last: ProgressEvent | tuple[str, str] | None = None
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

    def __call__(self, event: ProgressEvent) -> None:
        """Show one event, unless it repeats the last one."""
        if event == self._last:
            return
        self._last = event
        if event.state in _SILENT_ENDS | _SHOWN_ENDS:
            self._running.pop(event.subject, None)
        elif event.subject:
            self._running[event.subject] = (event.state, time.monotonic())
        if event.state not in _SILENT_ENDS:
            self._show(event.subject, event.state, event.detail)

    def step(self, step: str, detail: str) -> None:
        """Show one step of the lab."""
        if (step, detail) != self._last:
            self._last = (step, detail)
            self._show("", step, detail)

    def _show(self, subject: str, state: str, detail: str) -> None:
        seconds = time.monotonic() - self._began
        text = safe_line(f"{seconds:7.1f}s  {state:<8} {subject}" + (f"  {detail}" if detail else ""))
        if self._live:
            self._live.console.print(text, markup=False, soft_wrap=True)
        else:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def _running_line(self) -> Text:
        from rich.text import Text

        now = time.monotonic()
        parts = [f"{subject} {state} {now - since:.0f}s" for subject, (state, since) in self._running.items()]
        more = f" and {len(parts) - _MOST_RUNNING} more" if len(parts) > _MOST_RUNNING else ""
        line = " · ".join(parts[:_MOST_RUNNING]) + more
        return Text(
            safe_line(f"{now - self._began:7.0f}s  {line}") if line else "",
            style="dim",
            no_wrap=True,
            overflow="ellipsis",
        )
