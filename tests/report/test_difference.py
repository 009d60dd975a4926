"""What changed between two images: packages, findings, licences, layers, configuration, as data and for people."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.model import Severity
from pipeline.policy import Finding
from pipeline.policy.packages import Package, cyclonedx_packages
from pipeline.report.difference import (
    Change,
    ComparedLayer,
    ImageState,
    configuration_of,
    difference,
    difference_data,
)
from pipeline.report.difference_text import difference_lines, difference_markdown, overview

from .sample import HOSTILE

CURL = Package("curl", "7.88", "deb", ("MIT",))
PERL = Package("perl", "5.36", "deb", ("Artistic-2.0", "GPL-1.0"))
OLD = Finding("CVE-1", "curl", "7.88", "7.89", Severity.HIGH)
NEW = Finding("CVE-2", "zlib", "1", "", Severity.CRITICAL)
BASE = ComparedLayer("sha256:base", 28_000_000, "base")
BEFORE = ImageState(
    "r@sha256:1",
    "linux/amd64",
    (BASE, ComparedLayer("sha256:a", 1000, "RUN a")),
    {"Env": ["PATH=/bin", "A=1"], "Cmd": ["bash"], "Labels": {"team": "x"}, "User": ""},
    (CURL, PERL),
    (OLD,),
)
AFTER = replace(
    BEFORE,
    reference="r@sha256:2",
    layers=(BASE, ComparedLayer("sha256:b", 3000, "RUN b")),
    configuration={"Env": ["PATH=/bin", "A=2", "B=3"], "Cmd": ["bash"], "User": "1"},
    packages=(replace(CURL, version="7.89"), Package("zlib", "1", "deb", ("Zlib",))),
    findings=(NEW,),
)


def test_what_changed() -> None:
    found = difference(BEFORE, AFTER)
    assert found.packages == (
        Change("deb/curl", "7.88", "7.89"),
        Change("deb/perl", "5.36", ""),
        Change("deb/zlib", "", "1"),
    )
    assert (found.opened, found.closed) == ((NEW,), (OLD,))
    assert [change.name for change in found.licenses or ()] == ["Artistic-2.0", "GPL-1.0", "Zlib"]
    assert [layer.created_by for layer in (*found.added, *found.removed)] == ["RUN b", "RUN a"]
    assert found.configuration == (
        Change("Env A", "1", "2"),
        Change("Env B", "", "3"),
        Change("Labels team", "x", ""),
        Change("User", "", "1"),
    )


def test_the_same_image_does_not_differ() -> None:
    found = difference(BEFORE, BEFORE)
    assert not any(
        (found.packages, found.opened, found.closed, found.added, found.removed, found.configuration)
    )
    assert len(list(difference_lines(found))) == 2


def test_a_finding_in_another_version_of_the_package_is_the_same() -> None:
    newer = replace(BEFORE, findings=(replace(OLD, version="7.88.1"),))
    assert difference(BEFORE, newer).opened == () == difference(BEFORE, newer).closed


@pytest.mark.parametrize("missing", ["packages", "findings"])
def test_what_nobody_attested_is_not_compared(missing: str) -> None:
    found = difference(replace(BEFORE, **{missing: None}), AFTER)  # type: ignore[arg-type]
    assert getattr(found, "opened" if missing == "findings" else missing) is None
    assert f"{missing} not compared: one of the images has none attested" in "\n".join(
        difference_lines(found)
    )


def test_for_people() -> None:
    found = difference(BEFORE, replace(AFTER, unverified=("packages",)))
    text = "\n".join(difference_lines(found))
    for part in (
        "linux/amd64: r@sha256:1 -> r@sha256:2",
        "size 28.0 MB -> 28.0 MB (+2.0 kB)",
        "not signed by the key: packages of r@sha256:2",
        "critical  CVE-2  in zlib 1  (no fix yet)",
        "deb/curl  7.88 -> 7.89",
        "3.0 kB  RUN b",
        "Env A  1 -> 2",
        "Labels team  x -> none",
    ):
        assert part in text
    page = difference_markdown(found)
    assert (
        "<summary>findings opened: 1</summary>" in page and "- critical CVE-2 in zlib 1 (no fix yet)" in page
    )
    assert overview([found]) == "1 image: 3 packages and 2 findings differ (1 opened, 1 closed)"


def test_as_data() -> None:
    data = difference_data(difference(BEFORE, AFTER))
    assert data["packages"] == [
        {"name": "deb/curl", "before": "7.88", "after": "7.89"},
        {"name": "deb/perl", "before": "5.36", "after": None},
        {"name": "deb/zlib", "before": None, "after": "1"},
    ]
    assert set(data) == {
        "platform", "before", "after", "packages", "findings", "licenses", "layers", "configuration"
    }  # fmt: skip


def test_hostile_texts_stay_texts() -> None:
    after = replace(
        AFTER,
        reference=HOSTILE,
        packages=(Package(HOSTILE, HOSTILE, "deb", (HOSTILE,)),),
        findings=(Finding(HOSTILE, HOSTILE, HOSTILE, HOSTILE, Severity.HIGH),),
        layers=(ComparedLayer(HOSTILE, 1, HOSTILE),),
        configuration={"Env": [HOSTILE], "Labels": {HOSTILE: HOSTILE}, "Cmd": [HOSTILE]},
    )
    page = difference_markdown(difference(BEFORE, after))
    assert not any(part in page for part in ("<script", "\x1b", "@team", "https://evil", "\u202e"))


def test_packages_of_a_bill_of_materials() -> None:
    components = [
        {
            "type": "library",
            "name": "log",
            "group": "org.example",
            "version": "2",
            "purl": "pkg:maven/org.example/log@2",
            "licenses": [{"license": {"id": "MIT"}}, {"expression": "A OR B"}, {"license": {"name": "own"}}],
        },
        {"type": "file", "name": "/etc/passwd"},
        {"type": "application", "name": "tool"},
    ]
    found = cyclonedx_packages({"bomFormat": "CycloneDX", "components": components})
    assert found == (Package("tool", ""), Package("org.example/log", "2", "maven", ("A OR B", "MIT", "own")))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"bomFormat": "CycloneDX", "components": 1},
        {"bomFormat": "CycloneDX", "components": [{"type": "library", "licenses": [1]}]},
    ],
)
def test_another_document_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        cyclonedx_packages(document)


def test_a_configuration_is_an_object() -> None:
    assert configuration_of(b'{"config": {"User": "1"}}') == {"User": "1"}
    assert configuration_of(b'{"config": null}') == {}
    with pytest.raises(ValueError):
        configuration_of(b"[]")
