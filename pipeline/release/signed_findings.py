"""The findings that are signed on an image (cosign's vulnerability predicate), read back as evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pipeline.policy import JavaData, Scan
from pipeline.policy.reports import trivy_scan
from pipeline.policy.scanners.signed_scanners import signed_tools
from pipeline.trust import VULNERABILITIES, Statement
from pipeline.util.json.canonical import compact


def newest_findings(statements: Iterable[Statement]) -> Statement | None:
    """The findings of the newest data among statements, of these the last scan; None if there are none."""
    return max((s for s in statements if s.predicate_type == VULNERABILITIES), key=_age, default=None)


def scan_of(statement: Statement) -> Scan:
    """The scan that findings were made of. Raises ValueError for anything that is none."""
    try:
        scanner = statement.predicate["scanner"]
        tool, *beside = signed_tools(scanner)
        scan = replace(trivy_scan(compact(scanner["result"]), tool), beside=tuple(beside))
        return replace(scan, java=_java(scanner["javaDb"])) if "javaDb" in scanner else scan
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as fault:
        raise ValueError(f"not a vulnerability predicate: {fault!r}") from None


def _java(data: Mapping[str, object]) -> JavaData:
    """The Java data that findings were made with; none of it where its address is empty."""
    uri, version = str(data["uri"]), str(data["version"])
    return JavaData(uri.removeprefix("oci:") or None, version or None)


def _age(statement: Statement) -> tuple[str, str]:
    """The age of findings: of the data, then of the scan. Both are RFC 3339 in UTC, so their texts are in order."""
    try:
        predicate = statement.predicate
        return str(predicate["scanner"]["db"]["version"]), str(predicate["metadata"]["scanFinishedOn"])
    except (KeyError, TypeError):
        return "", ""
