"""What is kept of a finding in a scanner's report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Self

from pipeline.model import Severity
from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_text, as_texts

SCAN_EDITION = 2
"""Raised when more of the scanner's report is kept, so that images are scanned again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One known vulnerability in one package; `fixed` is empty when there is no fixed version.

    `published` is the day it was published (ISO 8601), empty where that is unknown; `cvss` its score (`cvss_of`), None
    where nobody gives one; `purls` are the identifiers of the packages, an empty one for a package without.

    `scanners` reported it and `aliases` are its other ids, both where grype took part; they are empty otherwise.
    """

    id: str
    package: str
    version: str
    fixed: str
    severity: Severity
    title: str = ""
    published: str = ""
    cvss: float | None = None
    purls: tuple[str, ...] = ()
    scanners: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """All that it is called."""
        return self.id, *self.aliases

    @property
    def published_on(self) -> date | None:
        """The day it was published; None where that is unknown."""
        try:
            return date.fromisoformat(self.published)
        except ValueError:
            return None

    def to_json(self) -> dict[str, object]:
        """As plain data, without what is unknown; `from_json` reads it back."""
        data = asdict(self)
        unknown = {"published": "", "cvss": None, "purls": (), "scanners": (), "aliases": ()}
        return {name: value for name, value in data.items() if name not in unknown or value != unknown[name]}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        return cls(
            as_text(data["id"]),
            as_text(data["package"]),
            as_text(data["version"]),
            as_text(data["fixed"]),
            Severity.parse(as_text(data["severity"])),
            as_text(data.get("title", "")),
            as_text(data.get("published", "")),
            _score(data.get("cvss")),
            as_texts(data.get("purls", [])),
            as_texts(data.get("scanners", [])),
            as_texts(data.get("aliases", [])),
        )


def _score(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 10:
        raise ValueError(f"a CVSS score is expected, not {value!r:.60}")
    return float(value)
