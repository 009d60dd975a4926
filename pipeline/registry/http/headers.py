"""Parsing of response headers: `Link`, `Retry-After`, `Range`. A malformed one is None."""

from __future__ import annotations

import re

_LINK = re.compile(
    r'<([^<>]*)>((?:\s*;\s*[A-Za-z0-9!#$&+.^_`|~*-]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]+))?)*)'
)
_PARAMETER = re.compile(r';\s*([A-Za-z0-9!#$&+.^_`|~*-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+)))?')
_GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_GO_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)")
_IN_BODY = re.compile(r"retry-after:\s*((?:\d+(?:\.\d+)?(?:ns|us|µs|μs|ms|s|m|h))+)", re.IGNORECASE)
_RANGE = re.compile(r"^(?:bytes[= ])?0-(\d{1,18})$")


def next_link(value: str | None) -> str | None:
    """The target of the first link whose relation is `next` (RFC 8288), as written."""
    for match in _LINK.finditer(value or ""):
        for name, quoted, bare in _PARAMETER.findall(match[2]):
            if name.lower() == "rel" and "next" in (quoted or bare).lower().split():
                return match[1]
    return None


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait, from a number or an HTTP date (RFC 9110, 10.2.3); `now` is in seconds since 1970."""
    text = (value or "").strip()
    if not text:
        return None
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    try:
        return max(0.0, moment.timestamp() - now)
    except (ValueError, OverflowError, OSError):
        return None


def retry_after_in_message(text: str) -> float | None:
    """Seconds from a message such as `retry-after: 115.708µs, allowed: 44000/minute`, as ghcr.io writes."""
    match = _IN_BODY.search(text[:4096])
    if not match:
        return None
    return sum(float(number) * _GO_UNITS[unit] for number, unit in _GO_PART.findall(match[1]))


def received_bytes(value: str | None) -> int | None:
    """Bytes received by an upload, from its `Range: 0-<last>` (distribution-spec v1.1, "Pushing a blob in chunks").

    `0-0` means no byte or one; it is read as none, so that no byte is lost.
    """
    match = _RANGE.match((value or "").strip())
    if not match:
        return None
    last = int(match[1])
    return last + 1 if last else 0
