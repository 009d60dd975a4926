"""What people see: errors once, the table of a run, data for machines. The only room that prints."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from pipeline.errors import LockageError

if TYPE_CHECKING:
    from pipeline.run import RunResult, TargetResult


def data(value: Any) -> None:
    """JSON on stdout, two spaces, a newline at the end."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def out(text: str) -> None:
    """Data as text, on stdout."""
    sys.stdout.write(text)


def say(text: str = "") -> None:
    """A line of the story, on stderr."""
    sys.stderr.write(text + "\n")


def tell_error(fault: LockageError, *, as_json: bool) -> None:
    """An error: what and where, the evidence, the next command. As JSON on stdout where that was asked for."""
    if as_json:
        data({"error": fault.to_json(), "exit_code": int(fault.exit_code)})
    say(paint("error: ", "31;1", sys.stderr) + fault.message)
    for line in (fault.detail or "").splitlines():
        say(f"  {line}")
    if fault.hint:
        say(paint("next: ", "36", sys.stderr) + fault.hint)


def paint(text: str, code: str, stream: Any) -> str:
    """Colour, on terminals only."""
    return f"\x1b[{code}m{text}\x1b[0m" if stream.isatty() else text


def size(number: int | None) -> str:
    """Bytes as people read them, decimal units as registries bill them."""
    if number is None:
        return "-"
    return f"{number / 1e6:.1f} MB" if number >= 1e6 else f"{number / 1e3:.1f} kB"


def run_result(result: RunResult, *, as_json: bool) -> None:
    """The table of a run, then what went wrong, then the three commands to look closer."""
    if as_json:
        data(result.to_json())
    else:
        _table(result)
    for target in result.targets:
        _explain(target)
    for image in result.images:
        if image.fault:
            tell_error(image.fault, as_json=False)
    for note in result.notes:
        say(note)
    _summary(result)


_TITLES = ("image", "tag", "platform", "status", "digest", "size", "packages", "findings", "tests")
_COLOURS = {"built": "32", "reused": "32", "closed": "31", "failed": "31", "aborted": "33"}


def _table(result: RunResult) -> None:
    """A line a target. Nothing is cut off: on a narrow terminal lines wrap."""
    from pipeline.run.summary import columns

    images = {(i.image, i.tag): i for i in result.images}
    rows = []
    for target in result.targets:
        image, row = images.get((target.image, target.tag)), target.to_json()
        signature = "-" if image is None or image.index is None else "verified" if image.signed else "none"
        promoted = ", ".join(f"{r.repository.path}:{r.tag}" for r in image.promoted) if image else ""
        rows.append(
            (
                target.image,
                target.tag,
                str(target.platform).removeprefix("linux/"),
                str(target.status),
                target.digest.short if target.digest else "-",
                size(row.get("size")),
                str(row.get("packages") or "-"),
                _findings(row.get("findings")),
                _tests(row.get("tests")),
                signature,
                promoted or "-",
            )
        )
    header, *lines = columns([(*_TITLES, "signature", "promoted"), *rows]).splitlines()
    out(paint(header, "1", sys.stdout) + "\n")
    for target, line in zip(result.targets, lines, strict=True):
        word = str(target.status)
        out(line.replace(f" {word} ", f" {paint(word, _COLOURS[word], sys.stdout)} ", 1) + "\n")


def _findings(counts: dict[str, int] | None) -> str:
    if counts is None:
        return "-"
    return " ".join(f"{number} {name.lower()}" for name, number in counts.items()) or "none"


def _tests(counts: dict[str, int] | None) -> str:
    return f"{counts['passed']}/{counts['total']}" if counts else "-"


def _explain(target: TargetResult) -> None:
    if target.fault:
        say()
        tell_error(target.fault, as_json=False)
    for verdict in target.verdicts:
        if not verdict.passed:
            say(paint(f"gate closed: {target.id}: {verdict.gate}", "31;1", sys.stderr))
            for reason in verdict.reasons:
                say(f"  {reason}")
        for note in verdict.notes:
            say(f"note: {target.id}: {verdict.gate}: {note}")
    if str(target.status) == "aborted":
        say(f"aborted: {target.id}: {target.reason}")


def _summary(result: RunResult) -> None:
    counts: dict[str, int] = {}
    for target in result.targets:
        counts[str(target.status)] = counts.get(str(target.status), 0) + 1
    parts = ", ".join(f"{number} {name}" for name, number in counts.items()) or "no targets"
    engine = "" if result.engine_used else ", engine not woken"
    written = sum(len(i.written) for i in result.images)
    say()
    if not result.changed and result.exit_code == 0:
        say(f"Nothing to do: all {len(result.targets)} targets are built, judged and in place{engine}.")
    say(
        f"{parts}; {written} tags written; {result.requests} registry requests; {result.seconds:.1f} s{engine}"
    )
    good = next((i for i in result.images if i.pushed and i.index), None)
    if good and good.pushed:
        say()
        say("Look closer:")
        say(f"  lockage verify {good.pushed.by_digest}")
        say(f"  lockage plan {good.image}:{good.tag} --json")
        say("  lockage status")
