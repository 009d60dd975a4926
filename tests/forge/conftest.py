"""The servers, one for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.registry.conftest import anyio_backend

from .github_server import GithubServer
from .gitlab_server import GitlabServer
from .server import serving

__all__ = ["anyio_backend"]


@pytest.fixture
async def github() -> AsyncIterator[GithubServer]:
    """GitHub with one repository, whose tag v2.3.0 is at the released commit."""
    async with serving(GithubServer()) as server:
        yield server


@pytest.fixture
async def gitlab() -> AsyncIterator[GitlabServer]:
    """GitLab with one project, whose tag v2.3.0 is at the released commit."""
    async with serving(GitlabServer()) as server:
        yield server
