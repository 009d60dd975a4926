"""Advisories as people write them: read, checked, and converted for the database writer."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipeline.errors import ConfigError, Problem
from pipeline.util.dataclass import dataclass
from pipeline.util.timestamps import format_timestamp

SAMPLE = Path(__file__).parent / "advisories.yml"
SOURCE_ID = "lockage-lab"
LANGUAGES = ("pip", "npm", "go", "cargo", "maven", "rubygems", "composer", "nuget")
SEVERITIES = ("UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL")

_NEXT_UPDATE = "2099-01-01T00:00:00Z"  # with a date in the past the scanner would look for a newer one
_MAX_BYTES = 1 << 20
_ID = re.compile(r"(?:CVE-\d{4}-\d{4,7}|GHSA(?:-[0-9a-z]{4}){3}|TEMP-[0-9A-Za-z-]{1,40})\Z")
_SYSTEM = re.compile(r"(?:debian \d{1,2}|ubuntu \d\d\.\d\d|alpine 3\.\d{1,2})\Z")
_VECTOR = re.compile(r"CVSS:(?:3\.[01]|4\.0)/[A-Za-z:/]{1,400}\Z")
_WORD = re.compile(r"[^\s\x00-\x1f]{1,200}\Z")
_EXPECTED_DOCUMENT = "expected a mapping with format: 1, updated and advisories"


@dataclass(frozen=True, slots=True)
class Advisory:
    """One flaw in one package of one ecosystem; `fixed_version` is None if every version has it. `cvss` has the score
    and the vector of each source."""

    id: str
    ecosystem: str
    package: str
    fixed_version: str | None
    severity: str
    published: datetime.date
    title: str
    description: str
    references: tuple[str, ...]
    cvss: tuple[tuple[str, float, str], ...] = ()

    def to_writer(self) -> dict[str, object]:
        """The advisory as `modules/trivydb` reads it; languages have version ranges instead of one version."""
        is_language = self.ecosystem in LANGUAGES
        fixed = self.fixed_version or ""
        return {
            "id": self.id,
            "bucket": f"{self.ecosystem}::{SOURCE_ID}" if is_language else self.ecosystem,
            "package": self.package,
            "fixed_version": fixed,
            "vulnerable": (f"<{fixed}" if fixed else ">=0") if is_language else "",
            "severity": self.severity,
            "title": self.title,
            "description": self.description,
            "references": list(self.references),
            "published": f"{self.published.isoformat()}T00:00:00Z",
            **({"cvss": dict(map(_scored, self.cvss))} if self.cvss else {}),
        }


@dataclass(frozen=True, slots=True)
class AdvisoryList:
    """A file of advisories, and the time of its last update."""

    updated: datetime.datetime
    advisories: tuple[Advisory, ...]

    def to_writer(self) -> dict[str, object]:
        """Input of `modules/trivydb`, complete and in a fixed order."""
        return {
            "updated": format_timestamp(int(self.updated.timestamp())),
            "next_update": _NEXT_UPDATE,
            "source": {
                "id": SOURCE_ID,
                "name": "Lockage lab sample (made up)",
                "url": "https://lockage.example/lab",
            },
            "advisories": [advisory.to_writer() for advisory in self.advisories],
        }


def read(path: Path = SAMPLE) -> AdvisoryList:
    """Read a YAML (or JSON) file of advisories; `advisories.yml` describes its format.

    Raises `ConfigError` with every problem in it.
    """
    document = _load(path)
    updated, items = document.get("updated"), document.get("advisories")
    if document.get("format") != 1 or not isinstance(items, list):
        raise _invalid(path, _EXPECTED_DOCUMENT)
    problems: list[Problem] = []
    if not isinstance(updated, datetime.datetime):
        problems.append(_problem(path, "updated", "expected a time such as 2026-11-01T00:00:00Z"))
    fields = [_Fields(path, f"advisories.{number}", item) for number, item in enumerate(items)]
    advisories = [advisory for field in fields if (advisory := field.advisory()) is not None]
    problems += [problem for field in fields for problem in field.problems]
    problems += _contradictions(path, advisories)
    if problems or not isinstance(updated, datetime.datetime):
        raise ConfigError(problems)
    return AdvisoryList(
        updated if updated.tzinfo else updated.replace(tzinfo=datetime.UTC),
        tuple(sorted(advisories, key=lambda advisory: (advisory.ecosystem, advisory.package, advisory.id))),
    )


def _load(path: Path) -> Mapping[object, object]:
    import yaml

    content = path.read_bytes()
    if len(content) > _MAX_BYTES:
        raise _invalid(path, f"larger than {_MAX_BYTES} bytes")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(content, yaml.SafeLoader)):
            raise _invalid(path, "anchors and aliases are not allowed")
        document = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _invalid(path, f"not readable as YAML: {error}") from error
    if not isinstance(document, dict):
        raise _invalid(path, _EXPECTED_DOCUMENT)
    return document


def _problem(path: Path, key: str, message: str) -> Problem:
    return Problem(path.name, 0, 0, key, message)


def _invalid(path: Path, message: str) -> ConfigError:
    return ConfigError([_problem(path, "", message)])


class _Fields:
    """The fields of one advisory in a file; collects a problem for each invalid one."""

    def __init__(self, path: Path, position: str, item: object) -> None:
        self.problems: list[Problem] = []
        self._path, self._position = path, position
        self._item: dict[object, object] | None = item if isinstance(item, dict) else None

    def advisory(self) -> Advisory | None:
        """The advisory, or None with at least one problem."""
        if self._item is None:
            self.problems.append(_problem(self._path, self._position, "expected a mapping"))
            return None
        names = {field.name for field in dataclasses.fields(Advisory)}
        self.problems += [
            _problem(self._path, f"{self._position}.{key}", "unknown key")
            for key in sorted(set(map(str, self._item)) - names)
        ]
        advisory = Advisory(
            id=self._text("id", lambda text: bool(_ID.match(text)), "an identifier such as CVE-2099-0001"),
            ecosystem=self._text("ecosystem", _is_ecosystem, '"debian 12" or a language'),
            package=self._text("package", _is_word, "a package name"),
            fixed_version=self._fixed_version(),
            severity=self._text("severity", lambda text: text in SEVERITIES, " or ".join(SEVERITIES)),
            published=self._published(),
            title=self._text("title", lambda text: bool(text.strip()), "a text"),
            description=self._description(),
            references=self._references(),
            cvss=self._cvss(),
        )
        return None if self.problems else advisory

    def _expected(self, key: str, expected: str) -> None:
        self.problems.append(_problem(self._path, f"{self._position}.{key}", f"expected {expected}"))

    def _get(self, key: str) -> object:
        return self._item.get(key) if self._item else None

    def _text(self, key: str, valid: Callable[[str], bool], expected: str) -> str:
        value = self._get(key)
        if isinstance(value, str) and valid(value):
            return value
        self._expected(key, expected)
        return ""

    def _description(self) -> str:
        value = self._get("description")
        return value if isinstance(value, str) else ""

    def _fixed_version(self) -> str | None:
        value = self._get("fixed_version")
        if value is None or (isinstance(value, str) and _is_word(value)):
            return value
        self._expected("fixed_version", "a version in quotes")
        return None

    def _published(self) -> datetime.date:
        value = self._get("published")
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            return value
        self._expected("published", "a date such as 2026-11-01")
        return datetime.date.min

    def _references(self) -> tuple[str, ...]:
        value = self._get("references") or []
        urls = [url for url in value if isinstance(url, str)] if isinstance(value, list) else []
        if not isinstance(value, list) or len(urls) != len(value):
            self._expected("references", "a list of URLs")
        return tuple(urls)

    def _cvss(self) -> tuple[tuple[str, float, str], ...]:
        given = self._get("cvss")
        entries = given if isinstance(given, dict) else {} if given is None else {"": given}
        by_source = [_scores(str(source), entry) for source, entry in entries.items()]
        if None in by_source:
            self._expected("cvss", 'nvd: {score: 9.8, vector: "CVSS:3.1/…"}, or another source')
        return tuple(sorted(scores for scores in by_source if scores))


def _scores(source: str, entry: object) -> tuple[str, float, str] | None:
    if not isinstance(entry, dict) or set(entry) != {"score", "vector"}:
        return None
    score, vector = entry["score"], entry["vector"]
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 < score <= 10:
        return None
    return (source, float(score), vector) if isinstance(vector, str) and _VECTOR.match(vector) else None


def _scored(cvss: tuple[str, float, str]) -> tuple[str, dict[str, object]]:
    """As trivy's database has it, by the version of the vector."""
    source, score, vector = cvss
    version = "V40" if vector.startswith("CVSS:4.") else "V3"
    return source, {f"{version}Score": score, f"{version}Vector": vector}


def _is_ecosystem(text: str) -> bool:
    return text in LANGUAGES or bool(_SYSTEM.match(text))


def _is_word(text: str) -> bool:
    return bool(_WORD.match(text))


def _contradictions(path: Path, advisories: Sequence[Advisory]) -> list[Problem]:
    """One identifier may affect several packages, but it is one flaw: all else has to be equal."""
    problems: list[Problem] = []
    first: dict[str, Advisory] = {}
    affected: set[tuple[str, str, str]] = set()
    for advisory in advisories:
        if _flaw(advisory) != _flaw(first.setdefault(advisory.id, advisory)):
            problems.append(
                _problem(path, advisory.id, "listed twice with different texts, dates or severities")
            )
        package = (advisory.id, advisory.ecosystem, advisory.package)
        if package in affected:
            problems.append(
                _problem(path, advisory.id, f"listed twice for {advisory.package} of {advisory.ecosystem}")
            )
        affected.add(package)
    return problems


def _flaw(advisory: Advisory) -> Advisory:
    return dataclasses.replace(advisory, ecosystem="", package="", fixed_version=None)
