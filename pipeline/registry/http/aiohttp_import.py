"""Imports aiohttp without the certificates that it reads for its own two TLS contexts: a twentieth of a second."""

from __future__ import annotations

import sys
from typing import Any

_READ = "set_default_verify_paths"


def import_aiohttp() -> None:
    """Import `aiohttp`, unless that was done.

    Its contexts then trust no certificate authority: over TLS, a request without a context of its own fails.
    """
    if "aiohttp" in sys.modules:
        return
    from ssl import SSLContext

    own = vars(SSLContext).get(_READ)
    setattr(SSLContext, _READ, _nothing)
    try:
        import aiohttp  # noqa: F401
    finally:
        if own is None:
            delattr(SSLContext, _READ)
        else:
            setattr(SSLContext, _READ, own)


def _nothing(_: Any) -> None:
    """Reads no certificates."""
