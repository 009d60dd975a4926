"""The asynchronous OCI client: pull, push, mount, index, referrers, delete, copy."""

from .auth.access import Access, HostAccess
from .auth.credentials import Credentials
from .auth.environ import access_from_environ
from .client import Registry
from .copy.image import CopyResult
from .copy.layouts import pull_layout, push_layout
from .http.faults import RequestFailed
from .http.settings import ClientSettings
from .http.stats import Stats

__all__ = [
    "Access",
    "ClientSettings",
    "CopyResult",
    "Credentials",
    "HostAccess",
    "Registry",
    "RequestFailed",
    "Stats",
    "access_from_environ",
    "pull_layout",
    "push_layout",
]
