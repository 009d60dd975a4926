"""What is going on, on stderr: a line an event, and on a terminal what runs now in one line below them."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

ENDED = ("built", "reused", "in place")  # good ends: the table tells them, the line below forgets them
_WIDEST = 4


class Progress:
    """Callable as `report(subject, stage, detail)`. As a context manager it shows on a terminal what runs now.

    A subject runs from its first event to one whose stage is among `ENDED`, `closed`, `failed` or `aborted`.
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
            self._live = Live(console=console, get_renderable=self._now, refresh_per_second=4, transient=True)
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
        if stage in ENDED:
            self._running.pop(subject, None)
            return
        if stage in ("closed", "failed", "aborted"):
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
        """As the lab reports: a step and where it is."""
        self("", step, detail)

    def _now(self) -> Text:
        from rich.text import Text

        now = time.monotonic()
        parts = [f"{subject} {stage} {now - since:.0f}s" for subject, (stage, since) in self._running.items()]
        more = f" and {len(parts) - _WIDEST} more" if len(parts) > _WIDEST else ""
        line = " · ".join(parts[:_WIDEST]) + more
        return Text(
            f"{now - self._began:7.0f}s  {line}" if line else "",
            style="dim",
            no_wrap=True,
            overflow="ellipsis",
        )
