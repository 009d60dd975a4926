"""What linters say of a Dockerfile: hadolint, and the build checks of BuildKit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.model import LintGate, LintLevel
from pipeline.util.json.values import as_integer, as_list, as_object, as_text

from .evidence import LintFinding
from .report_json import load_json


def hadolint_findings(raw: bytes) -> Mapping[str, tuple[LintFinding, ...]]:
    """Read `hadolint --format json`: the findings by file name. Raises ValueError for anything else."""
    out: dict[str, list[LintFinding]] = {}
    for entry in map(as_object, as_list(load_json(raw, "hadolint"))):
        try:
            finding = LintFinding(
                as_integer(entry["line"]),
                as_text(entry["code"]),
                LintLevel(as_text(entry["level"])),
                as_text(entry["message"]),
            )
            out.setdefault(as_text(entry["file"]), []).append(finding)
        except KeyError as missing:
            raise ValueError(f"hadolint: a finding without {missing}") from None
    return {file: tuple(sorted(findings, key=lambda f: (f.line, f.rule))) for file, findings in out.items()}


def closing(findings: Iterable[LintFinding], gate: LintGate) -> tuple[LintFinding, ...]:
    """The findings that close a gate."""
    if gate.fail_on is None:
        return ()
    least = gate.fail_on.rank
    return tuple(f for f in findings if f.level.rank >= least and f.rule not in gate.ignore)
