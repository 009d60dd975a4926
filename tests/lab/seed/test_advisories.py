"""Advisories are read whole, and refused with everything that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.lab.seed import advisories

DATA = Path(__file__).parents[2] / "data" / "advisories"
GOOD = """\
format: 1
updated: 2026-11-01T00:00:00Z
advisories:
  - id: CVE-2099-0001
    ecosystem: debian 12
    package: curl
    fixed_version: "1.0"
    severity: HIGH
    published: 2026-10-05
    title: made up
"""


def _read(text: str, folder: Path) -> advisories.AdvisoryList:
    file = folder / "advisories.yml"
    file.write_text(text)
    return advisories.read(file)


def test_the_sample_says_what_it_is() -> None:
    sample = advisories.read()
    assert {a.severity for a in sample.advisories} == {"LOW", "MEDIUM", "HIGH", "CRITICAL"}
    assert all(a.id.startswith("CVE-2099-") for a in sample.advisories)
    assert all("lab sample" in a.title and "Made-up" in a.description for a in sample.advisories)
    hit = {a.package: a for a in sample.advisories if a.ecosystem == "debian 12"}
    assert hit["curl"].id == "CVE-2099-0001" and hit["curl"].severity == "HIGH"
    assert hit["perl"].fixed_version is None


def test_json_is_read_too(tmp_path: Path) -> None:
    assert advisories.read(DATA / "two.yml").to_writer()["advisories"]
    assert _read(GOOD, tmp_path).advisories[0].package == "curl"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("format: 1", "format: 2", "expected a mapping with format: 1"),
        ("updated: 2026-11-01T00:00:00Z", "updated: today", "updated: expected a time"),
        ("id: CVE-2099-0001", "id: CVE-1", "advisories.0.id: expected an identifier"),
        ("ecosystem: debian 12", "ecosystem: debian twelve", "advisories.0.ecosystem"),
        ("ecosystem: debian 12", "ecosystem: 12", "advisories.0.ecosystem"),
        ("package: curl", "package: 'a b'", "advisories.0.package"),
        (
            'fixed_version: "1.0"',
            "fixed_version: 1.0",
            "advisories.0.fixed_version: expected a version in quotes",
        ),
        ("severity: HIGH", "severity: high", "advisories.0.severity: expected UNKNOWN or LOW"),
        ("published: 2026-10-05", "published: soon", "advisories.0.published: expected a date"),
        ("title: made up", "title: ''", "advisories.0.title"),
        ("title: made up", "titel: made up", "advisories.0.titel: unknown key"),
        ("title: made up", "title: made up\n    cvss: 9.8", "advisories.0.cvss: expected nvd"),
        (
            "title: made up",
            "title: made up\n    cvss: {nvd: {score: 11, vector: 'CVSS:3.1/AV:N'}}",
            "advisories.0.cvss",
        ),
        (
            "title: made up",
            "title: made up\n    cvss: {nvd: {score: 9.8, vector: AV:N}}",
            "advisories.0.cvss",
        ),
        ("title: made up", "title: made up\n    references: https://x", "advisories.0.references"),
        ("title: made up", "title: &a made up\n    description: *a", "anchors and aliases"),
        ("title: made up", "title: [", "not readable as YAML"),
        ("advisories:", "advisories: 3\nmore:", "expected a mapping with format: 1"),
    ],
)
def test_faults_are_named(old: str, new: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        _read(GOOD.replace(old, new), tmp_path)
    assert fault in (raised.value.detail or "")


def test_all_faults_come_together(tmp_path: Path) -> None:
    text = GOOD.replace("HIGH", "high").replace("debian 12", "debian") + "  - nothing\n"
    with pytest.raises(ConfigError) as raised:
        _read(text, tmp_path)
    assert {p.key for p in raised.value.problems} == {
        "advisories.0.ecosystem",
        "advisories.0.severity",
        "advisories.1",
    }


def test_one_identifier_is_one_flaw(tmp_path: Path) -> None:
    entry = GOOD[GOOD.index("  - id") :]
    assert len(_read(GOOD + entry.replace("curl", "wget"), tmp_path).advisories) == 2
    with pytest.raises(ConfigError, match="1 problem"):
        _read(GOOD + entry.replace("curl", "wget").replace("HIGH", "LOW"), tmp_path)
    with pytest.raises(ConfigError, match="1 problem"):
        _read(GOOD + entry, tmp_path)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        _read(GOOD + "#" * (1 << 20), tmp_path)
    assert "larger than" in (raised.value.detail or "")
