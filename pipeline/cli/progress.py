"""What is going on, on stderr: one line an event; on a terminal the running steps stay visible below."""

from __future__ import annotations

import sys
import time


class Progress:
    """Callable as `report(subject, stage, detail)`; says each thing once. `silent` for --json in scripts."""

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._began = time.monotonic()
        self._last = ("", "", "")

    def __call__(self, subject: str, stage: str, detail: str) -> None:
        """Show one event."""
        event = (subject, stage, detail)
        if self._silent or event == self._last:
            return
        self._last = event
        seconds = time.monotonic() - self._began
        text = f"{seconds:7.1f}s  {stage:<8} {subject}"
        sys.stderr.write(text + (f"  {detail}" if detail else "") + "\n")
        sys.stderr.flush()

    def step(self, step: str, detail: str) -> None:
        """As the lab reports: a step and where it is."""
        self("", step, detail)
