"""A trusted root as it was when something was signed: authorities and logs that were withdrawn before do not count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.util.dataclass import dataclass

_NEVER = datetime.max.replace(tzinfo=UTC)
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Moments:
    """When a bundle says that it was signed, by all its timestamps; when its certificate was logged, and its entry."""

    signed: tuple[datetime, ...]
    certificate_logged: tuple[datetime, ...]
    logged: tuple[datetime, ...] = ()


def root_at(root: Mapping[str, Any], moments: Moments) -> dict[str, Any]:
    """The root with what was valid at these moments. The library verifies the rest, also whether timestamps are in the
    time of their authority."""
    return {
        **root,
        "certificateAuthorities": _valid(root, "certificateAuthorities", moments.signed),
        "ctlogs": _valid(root, "ctlogs", moments.certificate_logged),
        "tlogs": _valid(root, "tlogs", moments.logged),
    }


def _valid(root: Mapping[str, Any], part: str, moments: Sequence[datetime]) -> list[Any]:
    return [entry for entry in root.get(part, ()) if all(_covers(entry, moment) for moment in moments)]


def _covers(entry: Mapping[str, Any], moment: datetime) -> bool:
    period = entry.get("publicKey", entry).get("validFor", {})
    start, end = _time(period.get("start"), _EVER), _time(period.get("end"), _NEVER)
    return start <= moment <= end


def _time(text: str | None, default: datetime) -> datetime:
    return datetime.fromisoformat(text) if text else default
