"""Advisories as people write them: read, checked, and put into the form that the database writer takes."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError, Problem

SAMPLE = Path(__file__).parent / "advisories.yml"
SOURCE = {
    "id": "lockage-lab",
    "name": "Lockage lab sample (made up)",
    "url": "https://lockage.example/lab",
}
SEVERITIES = ("UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL")
LANGUAGES = ("pip", "npm", "go", "cargo", "maven", "rubygems", "composer", "nuget")

_NEXT_UPDATE = "2099-01-01T00:00:00Z"  # a date in the past would send the scanner out for a newer one
_MAX_BYTES = 1 << 20
_ID = re.compile(r"(?:CVE-\d{4}-\d{4,7}|GHSA(?:-[0-9a-z]{4}){3}|TEMP-[0-9A-Za-z-]{1,40})\Z")
_SYSTEM = re.compile(r"(?:debian \d{1,2}|ubuntu \d\d\.\d\d|alpine 3\.\d{1,2})\Z")
_WORD = re.compile(r"[^\s\x00-\x1f]{1,200}\Z")
_KEYS = {
    "id",
    "ecosystem",
    "package",
    "fixed_version",
    "severity",
    "published",
    "title",
    "description",
    "references",
}


@dataclass(frozen=True, slots=True)
class Advisory:
    """One flaw in one package of one ecosystem; `fixed_version` None means that no version is without it."""

    id: str
    ecosystem: str
    package: str
    fixed_version: str | None
    severity: str
    published: datetime.date
    title: str
    description: str
    references: tuple[str, ...]

    def to_writer(self) -> dict[str, object]:
        """The advisory as `modules/trivydb` reads it; languages have version ranges instead of one version."""
        language = self.ecosystem in LANGUAGES
        fixed = self.fixed_version or ""
        return {
            "id": self.id,
            "bucket": f"{self.ecosystem}::{SOURCE['id']}" if language else self.ecosystem,
            "package": self.package,
            "fixed_version": fixed,
            "vulnerable": (f"<{fixed}" if fixed else ">=0") if language else "",
            "severity": self.severity,
            "title": self.title,
            "description": self.description,
            "references": list(self.references),
            "published": f"{self.published.isoformat()}T00:00:00Z",
        }


@dataclass(frozen=True, slots=True)
class AdvisoryList:
    """A whole file of advisories and the time it is as of."""

    updated: datetime.datetime
    advisories: tuple[Advisory, ...]

    def to_writer(self) -> dict[str, object]:
        """Input of `modules/trivydb`, complete and in a fixed order."""
        return {
            "updated": self.updated.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "next_update": _NEXT_UPDATE,
            "source": SOURCE,
            "advisories": [a.to_writer() for a in self.advisories],
        }


def read(path: Path = SAMPLE) -> AdvisoryList:
    """Read a YAML (or JSON) file of advisories; its form is said at the top of `advisories.yml`.

    Raises `ConfigError` with everything that is wrong in it.
    """
    import yaml

    content = path.read_bytes()
    if len(content) > _MAX_BYTES:
        raise _wrong(path, [("", f"larger than {_MAX_BYTES} bytes")])
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(content, yaml.SafeLoader)):
            raise _wrong(path, [("", "anchors and aliases have no use here")])
        data = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _wrong(path, [("", f"not readable as YAML: {error}")]) from error
    if not isinstance(data, dict) or data.get("format") != 1 or not isinstance(data.get("advisories"), list):
        raise _wrong(path, [("", "expected a mapping with format: 1, updated and advisories")])
    updated = data.get("updated")
    faults = (
        []
        if isinstance(updated, datetime.datetime)
        else [("updated", "expected a time such as 2026-11-01T00:00:00Z")]
    )
    found: list[Advisory] = []
    for number, item in enumerate(data["advisories"]):
        advisory = _advisory(item, f"advisories.{number}", faults)
        if advisory:
            found.append(advisory)
    _contradictions(found, faults)
    if faults:
        raise _wrong(path, faults)
    return AdvisoryList(
        updated if updated.tzinfo else updated.replace(tzinfo=datetime.UTC),
        tuple(sorted(found, key=lambda a: (a.ecosystem, a.package, a.id))),
    )


def _advisory(item: Any, where: str, faults: list[tuple[str, str]]) -> Advisory | None:
    if not isinstance(item, dict):
        faults.append((where, "expected a mapping"))
        return None
    before = len(faults)

    def check(key: str, right: bool, expected: str) -> None:
        if not right:
            faults.append((f"{where}.{key}", f"expected {expected}"))

    def text(key: str) -> str:
        value = item.get(key)
        return value if isinstance(value, str) else ""

    for key in sorted(set(map(str, item)) - _KEYS):
        faults.append((f"{where}.{key}", "unknown key"))
    ecosystem, references = text("ecosystem"), item.get("references") or []
    fixed, published = item.get("fixed_version"), item.get("published")
    check("id", bool(_ID.match(text("id"))), "an identifier such as CVE-2099-0001")
    check("ecosystem", ecosystem in LANGUAGES or bool(_SYSTEM.match(ecosystem)), '"debian 12" or a language')
    check("package", bool(_WORD.match(text("package"))), "a package name")
    check(
        "fixed_version",
        fixed is None or (isinstance(fixed, str) and bool(_WORD.match(fixed))),
        "a version in quotes",
    )
    check("severity", text("severity") in SEVERITIES, " or ".join(SEVERITIES))
    check("title", bool(text("title").strip()), "a text")
    check("published", type(published) is datetime.date, "a date such as 2026-11-01")
    check(
        "references",
        isinstance(references, list) and all(isinstance(r, str) for r in references),
        "a list of URLs",
    )
    if len(faults) > before:
        return None
    return Advisory(
        text("id"),
        ecosystem,
        text("package"),
        fixed,
        text("severity"),
        published,
        text("title"),
        text("description"),
        tuple(references),
    )


def _contradictions(found: list[Advisory], faults: list[tuple[str, str]]) -> None:
    """One identifier may hit several packages, but it is one flaw: the rest must be said alike."""
    first: dict[str, Advisory] = {}
    seen: set[tuple[str, str, str]] = set()
    for advisory in found:
        known = first.setdefault(advisory.id, advisory)
        same = (known.severity, known.title, known.description, known.published, known.references)
        if same != (
            advisory.severity,
            advisory.title,
            advisory.description,
            advisory.published,
            advisory.references,
        ):
            faults.append((advisory.id, "said twice with different words, dates or severities"))
        place = (advisory.id, advisory.ecosystem, advisory.package)
        if place in seen:
            faults.append((advisory.id, f"said twice about {advisory.package} of {advisory.ecosystem}"))
        seen.add(place)


def _wrong(path: Path, faults: list[tuple[str, str]]) -> ConfigError:
    return ConfigError([Problem(path.name, 0, 0, key, message) for key, message in faults])
