"""How registries are reached: Docker's configuration, credential helpers, what CI sets."""

from __future__ import annotations

import os

from pipeline.registry import Access, access_from_environ


def registry_access() -> Access:
    """Access to registries as this user and environment have it."""
    return access_from_environ(os.environ)
