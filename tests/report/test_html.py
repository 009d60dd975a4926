"""The page: one file that loads nothing and runs nothing, readable by ear, hostile texts escaped."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from pipeline.report import html
from pipeline.report.values import Report

from . import sample

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    """Elements with their attributes; every element must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}>"

    def tags(self) -> set[str]:
        return {tag for tag, _ in self.found}


@pytest.mark.parametrize(
    "report", [sample.REPORT, sample.hostile(), replace(sample.REPORT, targets=(), images=())]
)
def test_a_page_of_its_own(report: Report) -> None:
    reader = Reader(html.page(report))
    assert not reader.tags() & {"script", "link", "img", "iframe", "object", "form"}
    for tag, attributes in reader.found:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        address = attributes.get("href") or ""
        assert address.startswith(("#t", "https://")) or not address
    ids = [attributes["id"] for _, attributes in reader.found if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_page_can_be_heard() -> None:
    reader = Reader(html.page(sample.REPORT))
    assert ("html", {"lang": "en"}) in reader.found
    assert reader.tags() >= {"header", "main", "h1", "h2", "h3", "caption", "title"}
    assert all(attributes.get("scope") for tag, attributes in reader.found if tag == "th")


def test_the_page_tells_what_was_found_and_by_what() -> None:
    text = html.page(sample.REPORT)
    for part in (
        sample.DIGEST,
        "trivy 0.74.0, data of 2026-11-01 (25 days old)",
        "images/app/Dockerfile.tmpl:3",
        "ignored until 2026-12-31 by platform-team: not reachable",
        "1</strong> finding passes unnoticed",
        "next: lockage build other",
        "gate tests closed",
    ):
        assert part in text


def test_the_worst_findings_are_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MAX_FINDINGS", 2)
    text = html.page(sample.REPORT)
    assert "CVE-2099-0001</a>" in text and "CVE-2099-0002</span>" in text and "CVE-2099-0004" not in text
    assert "1 findings are left out" in text


def test_hostile_texts_stay_texts() -> None:
    text = html.page(sample.hostile())
    assert "<script" not in text and "\x1b" not in text and "\u202e" not in text and "##[" not in text
    assert "&lt;script&gt;alert(1)" in text and r"\x1b[2J" in text
