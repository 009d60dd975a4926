"""Whether an error is about one piece of content, which others can do without, or about the registry itself."""

from __future__ import annotations

from pipeline.errors import RegistryError

from .http.faults import RequestFailed

_OF_THE_REGISTRY = frozenset({401, 403, 407, 408, 429, 502, 503, 504})
_REFUSED_CONTENT = frozenset({400, 404, 413, 415, 416, 422})


def is_content_fault(fault: RegistryError) -> bool:
    """Whether content is missing, corrupt, too large or unreadable, while the registry itself works.

    Where a manifest is gone from its disk, distribution answers 500.
    """
    if not isinstance(fault, RequestFailed):
        return True
    kind, status = fault.fault.kind, fault.fault.status
    if fault.request.method not in ("GET", "HEAD"):
        return status in _REFUSED_CONTENT
    if kind in ("unreachable", "untrusted"):
        return False
    return status not in _OF_THE_REGISTRY


def describe(fault: RegistryError) -> str:
    """What is wrong, in one line."""
    text = f"{fault.message} ({fault.detail})" if fault.detail else fault.message
    return " ".join(text.split())
