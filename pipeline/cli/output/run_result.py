"""The result of a run: a table, then what went wrong, then the commands to look closer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipeline.run.results import Status

from . import console
from .console import BOLD, RED, Styled, human_size, message, print_line
from .secondaries import print_secondaries

if TYPE_CHECKING:
    from pipeline.policy import Evidence
    from pipeline.run import ImageResult, RunResult, TargetResult

_HEADER = (
    *("image", "tag", "platform", "status", "digest", "size", "packages", "findings", "tests"),
    *("signature", "promoted"),
)
_COLOURS = {
    Status.BUILT: "32",
    Status.REUSED: "32",
    Status.CLOSED: "31",
    Status.FAILED: "31",
    Status.ABORTED: "33",
}


def print_run_result(result: RunResult, *, as_json: bool) -> None:
    """Data on stdout; faults, closed gates and the summary on stderr."""
    if as_json:
        console.print_json(result.to_json())
    else:
        _print_table(result)
    for target in result.targets:
        _print_problems(target)
    for image in result.images:
        if image.fault:
            console.print_error(image.fault, as_json=False)
    for image in result.images:
        for move in image.moves:
            message(str(move))
        for kept in image.kept:
            message(str(kept))
    print_secondaries(result.secondaries)
    for note in result.notes:
        message(note)
    _print_summary(result)


def _print_table(result: RunResult) -> None:
    """One line per target. Nothing is cut off: on a narrow terminal lines wrap."""
    from pipeline.run.summary import columns

    images = {(image.image, image.tag): image for image in result.images}
    rows = [_row(target, images.get((target.image, target.tag))) for target in result.targets]
    header, *lines = columns([_HEADER, *rows]).splitlines()
    print_line(Styled(header, BOLD))
    for target, line in zip(result.targets, lines, strict=True):
        before, status, after = line.partition(f" {target.status} ")
        print_line(before, Styled(status, _COLOURS[target.status]), after)


def _row(target: TargetResult, image: ImageResult | None) -> tuple[str, ...]:
    return (
        target.image,
        target.tag,
        str(target.platform).removeprefix("linux/"),
        str(target.status),
        target.digest.short if target.digest else "-",
        *_evidence(target.evidence),
        _signature(image),
        (", ".join(f"{r.repository.path}:{r.tag}" for r in image.promoted) if image else "") or "-",
    )


def _evidence(evidence: Evidence | None) -> tuple[str, str, str, str]:
    """Size, packages, findings, tests."""
    from pipeline.policy import severity_counts

    if evidence is None:
        return "-", "-", "-", "-"
    packages = evidence.inventory.packages if evidence.inventory else None
    findings = "-"
    if evidence.scan:
        counts = severity_counts(evidence.scan)
        findings = " ".join(f"{number} {severity.lower()}" for severity, number in counts.items()) or "none"
    tests = "-"
    if evidence.tests:
        cases = evidence.tests.cases
        tests = f"{sum(case.passed for case in cases)}/{len(cases)}"
    return human_size(evidence.size), str(packages or "-"), findings, tests


def _signature(image: ImageResult | None) -> str:
    if image is None or image.index is None:
        return "-"
    return "verified" if image.signed else "none"


def _print_problems(target: TargetResult) -> None:
    if target.fault:
        message()
        console.print_error(target.fault, as_json=False)
    for verdict in target.verdicts:
        if not verdict.passed:
            message(Styled(f"gate {verdict.state}: {target.id}: {verdict.gate}", RED))
            for reason in verdict.reasons:
                message(f"  {reason}")
            message(f"  to open it: {verdict.hint}")
        for note in verdict.notes:
            message(f"note: {target.id}: {verdict.gate}: {note}")
    if target.status is Status.ABORTED:
        message(f"aborted: {target.id}: {target.reason}")


def _print_summary(result: RunResult) -> None:
    from pipeline.run.summary import unnoticed

    counts = Counter(str(target.status) for target in result.targets)
    statuses = ", ".join(f"{number} {status}" for status, number in counts.items()) or "no targets"
    engine = "" if result.engine_used else ", engine not started"
    written = sum(len(image.written) for image in result.images)
    written += sum(len(secondary.moves) for secondary in result.secondaries)
    message()
    if not result.changed and result.exit_code == 0:
        message(f"Nothing to do: all {len(result.targets)} targets are built, judged and up to date{engine}.")
    message(
        f"{statuses}; {written} tags written; {result.requests} registry requests; {result.seconds:.1f} s{engine}"
    )
    if passing := unnoticed(result):
        message(passing)
    pushed = next((i for i in result.images if i.pushed and i.index), None)
    if pushed and pushed.pushed:
        message()
        message("Look closer:")
        message(f"  lockage verify {pushed.pushed.by_digest}")
        message(f"  lockage plan {pushed.image}:{pushed.tag} --json")
        message("  lockage status")
