"""All formats of one report as files: name -> content. Bills of materials lie beside them as the tool wrote them."""

from __future__ import annotations

import re

from . import data, gitlab, html, junit, markdown, sarif
from .values import Report

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
    return {name: text.encode("utf-8", "backslashreplace") for name, text in texts.items()}


def sbom_name(target_id: str) -> str:
    """The name of a target's bill of materials: its id as a file name, which ids of a plan nearly are."""
    return f"sbom/{_UNSAFE.sub('_', target_id).lstrip('.') or 'image'}.cdx.json"
