"""How registries are reached: Docker's configuration, credential helpers, what CI sets."""

from __future__ import annotations

import os

from pipeline.registry import Access


def registry_access() -> Access:
    """Access to registries as this user and environment have it."""
    return Access.from_docker_config(None, os.environ)
