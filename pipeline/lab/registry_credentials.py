"""Credentials of the embedded registry: random, one pair for an instance, readable by its user alone.

They are files in the instance's folder, which nobody else may enter: the password, the hash of it that the registry
reads (olareg's `--auth-basic`), and a Docker configuration for this registry, for other clients.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import EnvironmentProblem
from pipeline.util.dataclass import dataclass
from pipeline.util.files import replace_file

from .registry_port import registry_names
from .settings import LabSettings

if TYPE_CHECKING:
    from pipeline.registry import HostAccess

USER = "lockage"
_PASSWORD = "registry.password"
_USERS = "registry-users.yml"
_DOCKER = "docker"
_BYTES = 32  # of randomness
_LIMIT = 256  # bytes of the file
_COST = 4  # bcrypt's least, which each request takes: nobody guesses 32 random bytes


@dataclass(frozen=True, slots=True)
class RegistryCredentials:
    """The user and password of an instance's registry."""

    username: str
    password: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Identifies the password without revealing it."""
        return hashlib.sha256(self.password.encode()).hexdigest()[:12]

    def registry_users(self) -> str:
        """The user with all rights, as olareg reads it; nobody else has any, not even to read."""
        import bcrypt

        cred = bcrypt.hashpw(self.password.encode(), bcrypt.gensalt(_COST)).decode()
        users = {self.username: {"cred": cred}}
        # YAML's subset JSON.
        return (
            json.dumps({"users": users, "acls": [{"repo": "*", "access": ["*"], "members": [*users]}]}) + "\n"
        )


def docker_config_folder(settings: LabSettings) -> Path:
    """The folder of a Docker configuration with these credentials: a value for DOCKER_CONFIG."""
    return settings.data / _DOCKER


def users_file(settings: LabSettings) -> Path:
    """The file that a registry of this machine reads its users from."""
    return settings.data / _USERS


def ensure_credentials(settings: LabSettings) -> RegistryCredentials:
    """The credentials of an instance, generated at its first start. Its folder exists and is the caller's alone.

    Raises `EnvironmentProblem` if a file cannot be read or written.
    """
    credentials = read_credentials(settings)
    if credentials is None:
        credentials = RegistryCredentials(USER, secrets.token_urlsafe(_BYTES))
        _write(settings.data / _PASSWORD, credentials.password + "\n")
    return credentials


def read_credentials(settings: LabSettings) -> RegistryCredentials | None:
    """The credentials of an instance; None before its first start. Raises `EnvironmentProblem`."""
    path = settings.data / _PASSWORD
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error.strerror or "") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            raise _unusable(path, "it is not a file of this user's own")
        password = file.read(_LIMIT).decode("ascii", "replace").strip()
    return RegistryCredentials(USER, password) if password else None


def write_users(settings: LabSettings, credentials: RegistryCredentials) -> Path:
    """Write the file that a registry of this machine reads its users from."""
    path = users_file(settings)
    _write(path, credentials.registry_users())
    return path


def write_docker_config(settings: LabSettings, credentials: RegistryCredentials) -> None:
    """Write the Docker configuration for the instance's registry, which has its port, unless it is there."""
    pair = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
    text = (
        json.dumps({"auths": {host: {"auth": pair} for host in sorted(registry_names(settings))}}, indent=2)
        + "\n"
    )
    folder = docker_config_folder(settings)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink():
            raise _unusable(folder, "it is a symbolic link")
        folder.chmod(0o700)
    except OSError as error:
        raise _unusable(folder, error.strerror or "") from None
    path = folder / "config.json"
    if path.is_symlink() or not path.is_file() or path.read_text("utf-8") != text:
        _write(path, text)


def registry_hosts(settings: LabSettings) -> Mapping[str, HostAccess]:
    """How this program reaches the instance's registry, under exactly its names; empty before its first start.

    The credentials are sent at once: the registry is known to require them. Raises `EnvironmentProblem`.
    """
    from pipeline.registry import Credentials, HostAccess

    names, own = registry_names(settings), read_credentials(settings)
    if not names or own is None:
        return {}
    access = HostAccess(credentials=Credentials(own.username, own.password), sends_basic=True)
    return dict.fromkeys(names, access)


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path, text, mode=0o600)
    except OSError as error:
        raise _unusable(path, error.strerror or "") from None


def _unusable(path: Path, reason: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"{path}, with credentials of the registry, cannot be used: {reason}",
        hint=f"remove it (rm -r {path}), then `lockage up` writes it again",
    )
