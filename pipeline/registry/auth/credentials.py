"""Credentials of a registry, and who provides them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import field

from pipeline.util.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and password, or an identity token (OAuth2 refresh token), or a ready bearer token."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)


CredentialProvider = Callable[[str], Awaitable[Credentials | None]]
"""Returns the credentials of a host, or None for anonymous access. Called at most once for each host."""
