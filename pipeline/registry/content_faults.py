"""Whether an error is about one piece of content, which others can do without, or about the registry itself."""

from __future__ import annotations

from pipeline.errors import RegistryError

from .http.faults import RequestFailed

_OF_THE_REGISTRY = frozenset({401, 403, 407, 408, 429})
_REFUSED_CONTENT = frozenset({400, 404, 413, 415, 422})


def is_content_fault(fault: RegistryError) -> bool:
    """Whether content is missing, corrupt, too large or unreadable, while the registry itself works."""
    if not isinstance(fault, RequestFailed):
        return True
    kind, status = fault.fault.kind, fault.fault.status
    if fault.request.method not in ("GET", "HEAD"):
        return status in _REFUSED_CONTENT
    if kind in ("unreachable", "untrusted"):
        return False
    return status not in _OF_THE_REGISTRY and status < 500


def describe(fault: RegistryError) -> str:
    """What is wrong, in one line."""
    return f"{fault.message} ({fault.detail})" if fault.detail else fault.message
