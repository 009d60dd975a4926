"""A summary in Markdown for the page of a CI: what closed first, then every target, then findings, worst first.

GitHub takes 1 MiB a step and shows nothing of what is longer, so what does not fit is left out; the last lines count
it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pipeline.policy import Effect
from pipeline.util.sizes import decimal_size

from .counts import counted, plural, severities, tests_of, tools_of
from .escape import markdown
from .values import Report, ReportedFinding, TargetReport, worst_first

LIMIT = 1_000_000
"""Bytes of UTF-8; GitHub takes 1,048,576 a step."""
_TAIL = 2_000  # bytes that the last lines need
_REASONS = 50  # of one gate


def summary(report: Report, limit: int = LIMIT) -> str:
    """The page, in at most `limit` bytes."""
    page = _Page(limit - _TAIL)
    page.add(f"# {_title(report)}\n\n{_overview(report)}\n\n")
    page.add_all(_problems(report), "problems")
    page.table(
        ("image", "platform", "status", "digest", "size", "packages", "findings", "tests"),
        (_row(target) for target in _by_status(report)),
        "targets",
    )
    _findings(page, report)
    page.add_all(_images(report), "images")
    return page.text + _tail(report, page)


class _Page:
    """Text up to a limit; what does not fit is counted by what it is."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[str] = []
        self.left_out: Counter[str] = Counter()

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def add(self, part: str) -> bool:
        """Whether the part fitted."""
        room = self._limit - len(part.encode())
        if room < 0:
            return False
        self._limit = room
        self._parts.append(part)
        return True

    def add_all(self, parts: Iterable[str], what: str) -> None:
        """Parts in order; the first that does not fit is the end of them."""
        full = False
        for part in parts:
            full = full or not self.add(part)
            self.left_out[what] += full

    def table(self, header: tuple[str, ...], rows: Iterable[tuple[str, ...]], what: str) -> None:
        """A table; cells are Markdown already."""
        head = f"| {' | '.join(header)} |\n|{' --- |' * len(header)}\n"
        if self.add(head):
            self.add_all((f"| {' | '.join(row)} |\n" for row in rows), what)
            self.add("\n")
        else:
            self.left_out[what] += sum(1 for _ in rows)


def _title(report: Report) -> str:
    closed = sum(bool(target.closed) for target in report.targets)
    if report.faults:
        outcome = "failed"
    elif closed:
        outcome = f"{plural(closed, 'target')} closed by a gate"
    else:
        outcome = "passed"
    return f"{markdown(report.project)}: lockage {markdown(report.command)}: {outcome}"


def _overview(report: Report) -> str:
    statuses = Counter(target.status for target in report.targets)
    listed = ", ".join(f"{number} {markdown(status)}" for status, number in statuses.items())
    everything = [finding for target in report.targets for finding in target.findings]
    passing = [finding for finding in everything if finding.effect is Effect.PASSES]
    lines = [
        f"{plural(len(report.targets), 'target')}: {listed or 'none'}; findings: {counted(severities(everything))}"
    ]
    if passing:
        verb = "passes" if len(passing) == 1 else "pass"
        lines.append(f"{plural(len(passing), 'finding')} {verb} unnoticed: {counted(severities(passing))}")
    return "  \n".join(lines)


def _problems(report: Report) -> Iterator[str]:
    for fault in report.faults:
        hint = f"  \n  next: {markdown(fault.hint)}" if fault.hint else ""
        yield f"- **{markdown(fault.subject)}** failed: {markdown(fault.message)}{hint}\n"
    for target in report.targets:
        if target.status == "aborted":
            yield f"- **{markdown(target.id)}** aborted: {markdown(target.reason)}\n"
        for verdict in target.closed:
            yield f"- **{markdown(target.id)}**: gate {verdict.gate} {verdict.state}\n"
            for reason in verdict.reasons[:_REASONS]:
                yield f"  - {markdown(reason)}\n"
            if len(verdict.reasons) > _REASONS:
                yield f"  - and {len(verdict.reasons) - _REASONS} more\n"
            if verdict.hint:
                yield f"  - to open it: {verdict.hint}\n"
    yield "\n"


def _by_status(report: Report) -> list[TargetReport]:
    """What went wrong first, each in plan order."""
    return sorted(report.targets, key=lambda target: target.status in ("built", "reused", "known"))


def _row(target: TargetReport) -> tuple[str, ...]:
    evidence = target.evidence
    inventory = evidence.inventory if evidence else None
    return (
        markdown(target.name),
        markdown(target.platform),
        markdown(target.status),
        f"`{target.digest.removeprefix('sha256:')[:12]}`"
        if target.digest.isprintable() and target.digest
        else "-",
        decimal_size(evidence.size) if evidence and evidence.size else "-",
        str(inventory.packages) if inventory else "-",
        counted(severities(target.findings)) if target.scanned else "-",
        tests_of(target) or "-",
    )


def _findings(page: _Page, report: Report) -> None:
    pairs = [(target, finding) for target in report.targets for finding in worst_first(target.findings)]
    if not pairs:
        return
    pairs.sort(key=lambda pair: (pair[1].effect is not Effect.CLOSES, -pair[1].severity.rank))
    ignored = sum(finding.accepted for target in report.targets for finding in target.findings)
    suffix = f", {ignored} ignored" if ignored else ""
    page.add(f"<details><summary>{plural(len(pairs), 'finding')}{suffix}</summary>\n\n")
    by_scanner = any(finding.finding.scanners for _, finding in pairs)
    header: tuple[str, ...] = (
        "severity",
        "id",
        "package",
        "installed",
        "fixed",
        "where",
        "since",
        "gate",
        "target",
    )
    page.table(
        (*header, "reported by") if by_scanner else header,
        (
            (*_finding(target, finding), _scanners(finding)) if by_scanner else _finding(target, finding)
            for target, finding in pairs
        ),
        "findings",
    )
    page.add("</details>\n\n")


def _finding(target: TargetReport, finding: ReportedFinding) -> tuple[str, ...]:
    vulnerability = finding.finding
    id = markdown(vulnerability.id)
    return (
        str(vulnerability.severity).lower(),
        f"[{id}](<{finding.details.url}>)" if finding.details.url else id,
        markdown(vulnerability.package, 100),
        markdown(vulnerability.version, 100),
        markdown(vulnerability.fixed, 100) or "-",
        markdown(finding.path or (finding.layer.created_by if finding.layer else ""), 100) or "-",
        finding.since or "-",
        _effect(finding),
        markdown(target.id, 200),
    )


def _scanners(finding: ReportedFinding) -> str:
    """Who reported it; `-` for a finding that no scanner is named for, such as a secret."""
    return markdown(", ".join(finding.finding.scanners), 100) or "-"


def _effect(finding: ReportedFinding) -> str:
    if finding.taken_out:
        return markdown(finding.taken_out, 200)
    return str(finding.effect or "-")


def _images(report: Report) -> Iterator[str]:
    pushed = [image for image in report.images if image.reference]
    for image in pushed:
        signed = "signed" if image.signed else "not signed"
        tags = f", promoted: {markdown(', '.join(image.tags))}" if image.tags else ""
        yield f"- {markdown(image.reference)} ({signed}{tags})\n"
    if pushed:
        yield "\n"


def _tail(report: Report, page: _Page) -> str:
    lines = []
    left_out = [f"{number} {what}" for what, number in page.left_out.items() if number]
    if left_out:
        lines.append(
            f"Left out, because this page may have {LIMIT} bytes: {', '.join(left_out)}, the least severe ones; "
            "`lockage findings` shows all."
        )
    tools = markdown("; ".join(tools_of(report)), 800)
    revision = f", commit {markdown(report.revision, 80)}" if report.revision else ""
    lines.append(f"Lockage {markdown(report.version, 40)}, {markdown(report.made, 40)}{revision}. {tools}")
    return "\n\n".join(lines) + "\n"
