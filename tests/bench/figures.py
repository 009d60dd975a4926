"""What a benchmark found: our figure, the peer's, and the goal, printed as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `unit` is "s" or a noun; `goal` bounds the ratio or, with `absolute`, our figure.

    `spread` is the least and the most of our samples; `cpu` and `peer_cpu` are
    seconds of CPU time, where they were taken: their ratio bears a busy machine better than the clock's.
    """

    what: str
    ours: float
    peer: float | None = None
    against: str = ""
    unit: str = "s"
    goal: float | None = None
    absolute: bool = False
    spread: tuple[float, float] | None = None
    cpu: float | None = None
    peer_cpu: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours in terms of the peer's."""
        return self.ours / self.peer if self.peer else None

    @property
    def cpu_ratio(self) -> float | None:
        """The same of the CPU time."""
        return self.cpu / self.peer_cpu if self.cpu and self.peer_cpu else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        found = self.ours if self.absolute else self.ratio
        return None if self.goal is None or found is None else found <= self.goal


def table(machine: Mapping[str, object], figures: Sequence[Figure]) -> str:
    """For people: one line a figure, then what is to be known of it."""
    head = ("what", "ours", "spread", "cpu", "peer", "ratio", "cpu ratio", "goal", "against")
    rows = [head, *(_row(f) for f in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [
        "  ".join(sandbox.ljust(width) for sandbox, width in zip(row, widths, strict=True)) for row in rows
    ]
    notes = [f"{f.what}: {f.note}" for f in figures if f.note]
    about = ", ".join(f"{name} {value}" for name, value in machine.items())
    return "\n".join([about, "", *(line.rstrip() for line in lines), "", *notes]) + "\n"


def _row(figure: Figure) -> tuple[str, ...]:
    goal = ""
    if figure.goal is not None:
        bound = _value(figure.goal, figure.unit) if figure.absolute else f"{figure.goal:g}x"
        goal = f"<= {bound} {'met' if figure.met else 'MISSED'}"
    return (
        figure.what,
        _value(figure.ours, figure.unit),
        " to ".join(_value(v, figure.unit) for v in figure.spread) if figure.spread else "",
        _value(figure.cpu, "s") if figure.cpu is not None else "",
        _value(figure.peer, figure.unit) if figure.peer is not None else "",
        f"{figure.ratio:.2f}x" if figure.ratio is not None else "",
        f"{figure.cpu_ratio:.2f}x" if figure.cpu_ratio is not None else "",
        goal,
        figure.against,
    )


def _value(number: float, unit: str) -> str:
    if unit != "s":
        return f"{number:g} {unit}"
    return f"{number * 1000:.0f} ms" if number < 1 else f"{number:.1f} s"


def as_json(machine: Mapping[str, object], figures: Sequence[Figure]) -> str:
    """For machines: seconds as seconds, with ratio and whether the goal is met."""
    rows = [asdict(f) | {"ratio": f.ratio, "cpu_ratio": f.cpu_ratio, "met": f.met} for f in figures]
    return json.dumps({"machine": dict(machine), "figures": rows}, indent=2) + "\n"
