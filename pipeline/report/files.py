"""All formats of one report as files: name -> content."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import data, gitlab, html, junit, markdown, sarif
from .values import Report, TargetReport

PAGE = "index.html"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def report_files(report: Report) -> dict[str, bytes]:
    """Names below the folder of reports, and their content."""
    texts = {
        PAGE: html.page(report),
        "report.json": data.report_json(report),
        "summary.md": markdown.summary(report),
        "junit.xml": junit.junit(report),
        "gl-container-scanning-report.json": gitlab.container_scanning(report),
        "gl-dependency-scanning-report.json": gitlab.dependency_scanning(report),
    }
    for number, text in enumerate(sarif.sarif(report), 1):
        texts["lockage.sarif" if number == 1 else f"lockage-{number}.sarif"] = text
    files = {name: text.encode("utf-8", "backslashreplace") for name, text in texts.items()}
    return files | dict(_documents(report))


def _documents(report: Report) -> Iterator[tuple[str, bytes]]:
    """The bills of materials as the tool wrote them."""
    for target in report.targets:
        if document := target.documents.get("cyclonedx-json"):
            yield f"sbom/{_name(target)}.cdx.json", document


def _name(target: TargetReport) -> str:
    """A target's id as a file name, which ids of a plan nearly are."""
    return _UNSAFE.sub("_", target.id).lstrip(".") or "image"
