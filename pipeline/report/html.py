"""One page for people: opens without a server, has no script, and loads nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from pipeline.policy import Effect, Verdict
from pipeline.util.printable import safe_text
from pipeline.util.sizes import decimal_size

from .counts import counted, data_of, severities, tests_of, tools_of
from .values import Report, ReportedFinding, TargetReport, worst_first

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

MAX_FINDINGS = 5000
"""Findings on the page, the worst ones."""
_REASONS = 200
_GOOD = frozenset({"built", "reused", "known", "attested"})


def page(report: Report) -> str:
    """The page; every text of others is escaped, and made printable first."""
    everything = [finding for target in report.targets for finding in target.findings]
    shown = _shown(report)
    return _template().render(
        report=report,
        css=_css(),
        outcome=_outcome(report),
        tools=tools_of(report),
        statuses=Counter(target.status for target in report.targets),
        everything=everything,
        passing=[finding for finding in everything if finding.effect is Effect.PASSES],
        problems=list(_problems(report)),
        pushed=[image for image in report.images if image.reference],
        numbers={target.id: number for number, target in enumerate(report.targets, 1)},
        shown=shown,
        left_out={target.id: len(target.findings) - len(shown[target.id]) for target in report.targets},
        facts=lambda target: _facts(report, target),
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_printable,
    )
    environment.globals.update(
        counted=counted,
        effect=_effect,
        severities=severities,
        short=lambda digest: digest.rpartition(":")[2][:12],
        size=decimal_size,
        status_class=lambda status: "good" if status in _GOOD else "bad",
        tests_of=tests_of,
        where=_where,
        why=_why,
    )
    return environment.from_string(_read("page.html"))


def _css() -> Markup:
    """The style, as it is."""
    from markupsafe import Markup

    return Markup(_read("page.css"))  # no text of others is in it


def _printable(value: object) -> object:
    return safe_text(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _outcome(report: Report) -> str:
    if report.faults:
        return "failed"
    return "gate closed" if any(target.closed for target in report.targets) else "passed"


def _shown(report: Report) -> dict[str, list[ReportedFinding]]:
    """The worst findings of all targets, by target."""
    pairs = [(f, target.id) for target in report.targets for f in worst_first(target.findings)]
    if len(pairs) > MAX_FINDINGS:
        pairs.sort(key=lambda pair: (pair[0].effect is not Effect.CLOSES, -pair[0].severity.rank))
    shown: dict[str, list[ReportedFinding]] = {target.id: [] for target in report.targets}
    for finding, target_id in pairs[:MAX_FINDINGS]:
        shown[target_id].append(finding)
    return shown


def _problems(report: Report) -> Iterator[tuple[str, str, list[str]]]:
    for fault in report.faults:
        hint = [f"next: {fault.hint}"] if fault.hint else []
        yield fault.subject, "failed", [fault.message, *fault.detail.splitlines(), *hint]
    for target in report.targets:
        if target.status == "aborted":
            yield target.id, "aborted", [target.reason]
        for verdict in target.closed:
            more = len(verdict.reasons) - _REASONS
            rest = [f"and {more} more"] if more > 0 else []
            rest += [f"to open it: {verdict.hint}"] if verdict.hint else []
            yield target.id, f"gate {verdict.gate} {verdict.state}", [*verdict.reasons[:_REASONS], *rest]


def _facts(report: Report, target: TargetReport) -> Iterator[tuple[str, str]]:
    values = {
        "reference": target.reference,
        "digest": target.digest,
        "platform": target.platform,
        "distribution": target.scan.distribution,
        "why": target.reason,
    }
    yield from ((name, value) for name, value in values.items() if value)
    for stage, tool in target.tools:
        yield stage, data_of(report, tool)
    if target.verified is not None:
        yield "findings", "signed" if target.verified else "not signed by the key"


def _where(finding: ReportedFinding) -> str:
    parts = [finding.path]
    if finding.location:
        parts.append(f"{finding.location.path}:{finding.location.line}")
    elif finding.layer and finding.layer.created_by:
        parts.append(finding.layer.created_by[:200])
    return ", ".join(filter(None, parts))


def _effect(finding: ReportedFinding) -> str:
    if finding.taken_out:
        return finding.taken_out
    return str(finding.effect or "")


def _why(verdict: Verdict) -> str:
    texts = [*verdict.reasons, *verdict.notes]
    more = f"; and {len(texts) - 3} more" if len(texts) > 3 else ""
    return "; ".join(text.partition("\n")[0] for text in texts[:3]) + more
