"""The asynchronous OCI client: pull, push, mount, index, referrers, delete, copy."""

from .access import Access, Credentials, HostAccess
from .client import Registry
from .copying import CopyResult
from .exchange import pull_layout, push_layout
from .faults import CallFailed
from .layout import Layout
from .manifest import Manifest
from .settings import Settings
from .stats import Stats

__all__ = [
    "Access",
    "CallFailed",
    "CopyResult",
    "Credentials",
    "HostAccess",
    "Layout",
    "Manifest",
    "Registry",
    "Settings",
    "Stats",
    "pull_layout",
    "push_layout",
]
