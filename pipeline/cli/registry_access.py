"""How registries are reached: the embedded one's credentials, Docker's configuration, credential helpers, CI."""

from __future__ import annotations

import os

from pipeline.lab.registry_credentials import registry_hosts
from pipeline.lab.settings import LabSettings
from pipeline.registry import Access, access_from_environ


def registry_access() -> Access:
    """Access to registries as this user and environment have it; to the embedded one by the instance's credentials."""
    settings = LabSettings.from_env(os.environ)
    return access_from_environ(os.environ, hosts=registry_hosts(settings))
