"""The CVSS score of a finding in trivy's report, of those that several sources give."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.util.json.values import as_object

from .report_json import text

_VERSIONS = (("V40Score", "V40Vector"), ("V3Score", "V3Vector"), ("V2Score", "V2Vector"))  # newest first
_NVD = "nvd"


def cvss_of(entry: Mapping[str, object]) -> tuple[float | None, str]:
    """The score and its vector: NVD's; else that of the source which rates the finding (`SeveritySource`), mostly the
    distribution; else the highest of any. Of one source, the newest version of CVSS. None where nobody gives one.
    Raises ValueError."""
    sources = {name: _newest(as_object(source)) for name, source in _sources(entry).items()}
    for name in (_NVD, text(entry, "SeveritySource")):
        if scores := sources.get(name):
            return scores
    return max(filter(None, sources.values()), default=(None, ""), key=lambda scores: scores[0] or 0)


def _sources(entry: Mapping[str, object]) -> dict[str, object]:
    return as_object(entry.get("CVSS") or {})


def _newest(source: Mapping[str, object]) -> tuple[float, str] | None:
    for score_name, vector_name in _VERSIONS:
        score = source.get(score_name)
        if isinstance(score, int | float) and not isinstance(score, bool) and 0 < score <= 10:
            return float(score), text(source, vector_name)
    return None
