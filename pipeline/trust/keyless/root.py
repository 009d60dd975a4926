"""What a trusted root knows, and how old it is: authorities and logs, each with the time for which it counts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_object, as_text

from .services import PUBLIC, Services, stored

KINDS = {
    "certificateAuthorities": "certificate authority",
    "ctlogs": "certificate log",
    "timestampAuthorities": "timestamp authority",
    "tlogs": "transparency log",
}
"""The lists of a TrustedRoot v0.1 by what their entries are."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """One authority or log. What it signed from `start` on counts, until `end` where there is one."""

    kind: str
    address: str
    start: datetime
    end: datetime | None

    def counts(self, moment: datetime) -> bool:
        """Whether it does at a moment."""
        return self.start <= moment and (self.end is None or moment <= self.end)

    def to_json(self) -> dict[str, object]:
        """As data."""
        end = None if self.end is None else self.end.isoformat()
        return {"kind": self.kind, "address": self.address, "from": self.start.isoformat(), "until": end}


@dataclass(frozen=True, slots=True)
class RootAge:
    """The content of a trusted root. A root bears no date of its own: it is as new as the newest entry, at least.

    `until` is until when its publisher vouched for it, as far as that is known.
    """

    origin: str
    entries: tuple[Trusted, ...]
    until: datetime | None = None

    @property
    def newest(self) -> Trusted:
        """The entry that was added last."""
        return max(self.entries, key=lambda entry: entry.start)

    def days(self, now: datetime) -> int:
        """How many days ago that was."""
        return (now - self.newest.start).days

    def warnings(self, now: datetime) -> tuple[str, ...]:
        """What cannot be verified today, and that the root may be out of date."""
        out = [f"no {kind} counts today" for kind in KINDS.values() if not self._counts(kind, now)]
        if self.until is not None and now > self.until:
            out.append(
                f"its publisher vouched for it until {self.until:%Y-%m-%d}; newer keys may be missing: "
                "cosign trusted-root create --with-default-services writes the current one"
            )
        return tuple(out)

    def _counts(self, kind: str, now: datetime) -> bool:
        return any(entry.kind == kind and entry.counts(now) for entry in self.entries)

    def to_json(self, now: datetime) -> dict[str, object]:
        """As data."""
        return {
            "origin": self.origin,
            "age_days": self.days(now),
            "vouched_until": None if self.until is None else self.until.isoformat(),
            "entries": [entry.to_json() for entry in self.entries],
            "warnings": list(self.warnings(now)),
        }


def root_age(services: Services) -> RootAge:
    """The age of a Sigstore's root. Raises ConfigError for a file that is no trusted root, or an empty one."""
    try:
        entries = tuple(_entries(services.trusted_root()))
    except (ValueError, KeyError, TypeError) as fault:
        raise services.unusable(f"not a trusted root: {fault}") from None
    if not entries:
        raise services.unusable("it trusts nobody")
    public = services.root.raw == stored(PUBLIC)
    return RootAge(services.root.origin, entries, _vouched() if public else None)


def _entries(root: Mapping[str, Any]) -> Iterator[Trusted]:
    for part, kind in KINDS.items():
        for entry in root.get(part, ()):
            period = as_object(as_object(entry.get("publicKey", entry)).get("validFor") or {})
            start, end = period.get("start"), period.get("end")
            address = as_text(entry.get("uri") or entry.get("baseUrl") or "")
            yield Trusted(
                kind,
                address,
                _time(as_text(start or "1970-01-01T00:00:00Z")),
                _time(as_text(end)) if end else None,
            )


def _vouched() -> datetime | None:
    """Until when The Update Framework's root beside the public one is valid."""
    return _time(as_text(as_object(json.loads(stored("root.json"))["signed"])["expires"]))


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
