"""What linters say of a Dockerfile: hadolint, and the build checks of BuildKit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.model import LintGate, LintLevel
from pipeline.util.json_values import as_integer, as_list, as_object, as_text, parse_json

from .evidence import LintFinding

_MAX_REPORT = 64 * 1024 * 1024


def hadolint_findings(raw: bytes) -> Mapping[str, tuple[LintFinding, ...]]:
    """Read `hadolint --format json`: the findings by file name. Raises ValueError for anything else."""
    if len(raw) > _MAX_REPORT:
        raise ValueError(f"hadolint: report of {len(raw)} bytes is larger than {_MAX_REPORT}")
    try:
        entries = parse_json(raw)
    except ValueError as fault:
        raise ValueError(f"hadolint: report is not JSON: {fault}") from None
    out: dict[str, list[LintFinding]] = {}
    for entry in map(as_object, as_list(entries)):
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
    return {file: tuple(sorted(found, key=lambda f: (f.line, f.rule))) for file, found in out.items()}


def closing(findings: Iterable[LintFinding], gate: LintGate) -> tuple[LintFinding, ...]:
    """The findings that close a gate."""
    if gate.fail_on is None:
        return ()
    least = gate.fail_on.rank
    return tuple(f for f in findings if f.level.rank >= least and f.rule not in gate.ignore)
