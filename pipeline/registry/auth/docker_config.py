"""Credentials where Docker keeps them: `config.json`, credential helpers, and variables that CI systems set.

Follows the documentation of `docker login` and of docker-credential-helpers. Keys with a path below the host, as
Podman writes them, are ignored.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from types import MappingProxyType

import anyio

from pipeline.errors import EnvironmentProblem
from pipeline.model.reference import DOCKER_HUB
from pipeline.util.child_environment import DEFAULT_PATH, child_environment, find_program
from pipeline.util.dataclass import dataclass

from ..http.redaction import without_users
from .credentials import Credentials

_LIMIT = 1024 * 1024
_HELPER = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
_HELPER_SECONDS = 30
_HUB_KEY = "https://index.docker.io/v1/"
_HUB_NAMES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_GITHUB = "ghcr.io"
_NO_CREDENTIALS = ("credentials not found", "no credentials server url", "no credentials username")


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """The credentials of a Docker configuration, by host as references name it; `unreadable` says what is wrong with
    the entry of a host."""

    auths: Mapping[str, Credentials] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    helpers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    store: str | None = None
    unreadable: Mapping[str, EnvironmentProblem] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def parse(cls, text: str, origin: str) -> DockerConfig:
        """Read `config.json`; raises EnvironmentProblem. An entry that cannot be read is a problem of its host alone.
        No message quotes the content."""
        if len(text) > _LIMIT:
            raise _broken(origin, "it is larger than 1 MiB")
        try:
            data = json.loads(text.strip() or "{}")
        except (ValueError, RecursionError) as fault:
            line = f" at line {fault.lineno}" if isinstance(fault, json.JSONDecodeError) else ""
            raise _broken(origin, f"it is not JSON{line}") from None
        if not isinstance(data, dict):
            raise _broken(origin, "it is not an object")
        helpers = {
            host_of(k): v for k, v in _table(data, "credHelpers", origin).items() if isinstance(v, str)
        }
        auths: dict[str, Credentials] = {}
        unreadable: dict[str, EnvironmentProblem] = {}
        for key, entry in _table(data, "auths", origin).items():
            host = host_of(key)
            if entry is None or not _of_a_host(key) or ("://" in key and host in auths):
                continue
            try:
                credentials = _entry(entry, key, origin)
            except EnvironmentProblem as problem:
                unreadable[host] = problem
                continue
            if credentials is not None:
                auths[host] = credentials
        store = data.get("credsStore")
        return cls(
            MappingProxyType(auths),
            MappingProxyType(helpers),
            store if isinstance(store, str) else None,
            MappingProxyType(unreadable),
        )

    async def credentials(self, host: str, env: Mapping[str, str]) -> Credentials | None:
        """The credentials of a host: from its own helper, else the store, else the file. A helper without a name is the
        file. Raises EnvironmentProblem."""
        own = self.helpers.get(host)
        for helper in () if own == "" else (own, self.store):
            if helper and (credentials := await from_helper(helper, host, env)) is not None:
                return credentials
        if host not in self.auths and host in self.unreadable:
            raise self.unreadable[host]
        return self.auths.get(host)


def render_docker_config(by_host: Mapping[str, Credentials]) -> str:
    """A Docker configuration with these credentials, for a program that reads one; empty if there are none."""
    auths: dict[str, dict[str, str]] = {}
    for host, credentials in sorted(by_host.items()):
        entry = {"identitytoken": credentials.identity_token, "registrytoken": credentials.registry_token}
        if credentials.username or credentials.password:
            user_password = f"{credentials.username}:{credentials.password}"
            entry["auth"] = base64.b64encode(user_password.encode()).decode()
        auths[_HUB_KEY if host == DOCKER_HUB else host] = {name: text for name, text in entry.items() if text}
    return json.dumps({"auths": auths}) if auths else ""


def host_of(key: str) -> str:
    """The host that a key of `auths` names: `https://index.docker.io/v1/` is `docker.io`."""
    host = key.partition("://")[2] if "://" in key else key
    host = re.split(r"[/?#]", host, maxsplit=1)[0].lower()
    return DOCKER_HUB if host in _HUB_NAMES else host


def _of_a_host(key: str) -> bool:
    """Whether a key of `auths` is for a whole host: an address, which older versions of Docker wrote with any path, or
    a name without a path."""
    return "://" in key or "/" not in key.rstrip("/").removesuffix("/v1").removesuffix("/v2")


async def from_helper(helper: str, host: str, env: Mapping[str, str]) -> Credentials | None:
    """Run `docker-credential-<helper> get`; None if it has none for the host. Raises EnvironmentProblem."""
    if not _HELPER.match(helper):
        raise _broken("the Docker configuration", f"{helper[:80]!r} is not the name of a credential helper")
    name = f"docker-credential-{helper}"
    program = find_program(name, env.get("PATH", DEFAULT_PATH))
    if program is None:
        raise _not_installed(name, host)
    key = _HUB_KEY if host == DOCKER_HUB else host
    try:
        with anyio.fail_after(_HELPER_SECONDS), _stdin(key) as stdin:
            process = await anyio.run_process(
                [str(program), "get"], stdin=stdin, check=False, env=child_environment(name, env)
            )
    except FileNotFoundError:
        raise _not_installed(name, host) from None
    except TimeoutError:
        raise EnvironmentProblem(
            f"{name} did not return credentials for {host} within {_HELPER_SECONDS} s",
            hint="it may be waiting for a password: unlock the keychain and run again",
        ) from None
    if process.returncode != 0:
        printed = (process.stdout[:4096] + b" " + process.stderr[:4096]).decode("utf-8", "replace").lower()
        if any(text in printed for text in _NO_CREDENTIALS):
            return None
        raise EnvironmentProblem(
            f"{name} failed for {host} (exit {process.returncode})",
            hint=f"try it: echo {key} | {name} get",
            detail=process.stderr[:1000].decode("utf-8", "replace").strip() or None,
        )
    try:
        data = json.loads(process.stdout[:_LIMIT])
        user, secret = data["Username"], data["Secret"]
        if not isinstance(user, str) or not isinstance(secret, str):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise EnvironmentProblem(
            f"{name} printed an invalid response for {host}", hint=f"try it: echo {key} | {name} get"
        ) from None
    if not user and not secret:
        return None
    return Credentials(identity_token=secret) if user == "<token>" else Credentials(user, secret)


@contextmanager
def _stdin(text: str) -> Iterator[int]:
    """The end of a pipe that holds a short text already: some helpers answer without reading, which breaks one that is
    still being written."""
    readable, writable = os.pipe()
    try:
        try:
            os.write(writable, text.encode())
        finally:
            os.close(writable)
        yield readable
    finally:
        os.close(readable)


def _not_installed(program: str, host: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"{program}, which stores the credentials of {host}, is not installed",
        hint=f"install it, or remove it from credHelpers/credsStore and run: docker login {host}",
    )


def _entry(entry: object, key: str, origin: str) -> Credentials | None:
    shown = without_users(key)[:100]
    if not isinstance(entry, dict):
        raise _broken(origin, f"auths: {shown} is not an object")
    values = {
        name: entry.get(name) or "" for name in ("username", "password", "identitytoken", "registrytoken")
    }
    if not all(isinstance(value, str) for value in values.values()):
        raise _broken(origin, f"auths: {shown} has a value that is not a string")
    encoded = entry.get("auth")
    if isinstance(encoded, str) and encoded:
        try:
            user, colon, password = _decoded(encoded).partition(":")
        except ValueError:
            raise _broken(origin, f"auths: {shown}: auth is not base64") from None
        if not colon:
            raise _broken(origin, f"auths: {shown}: auth is not user:password")
        values |= {"username": user, "password": password.rstrip("\0")}
    credentials = Credentials(
        values["username"], values["password"], values["identitytoken"], values["registrytoken"]
    )
    return credentials if credentials != Credentials() else None


def _decoded(encoded: str) -> str:
    """Base64 as Docker reads it, past line breaks, and as Docker Desktop writes it, without padding. Raises
    ValueError."""
    unbroken = encoded.translate({ord("\r"): None, ord("\n"): None}).rstrip("=")
    return base64.b64decode(unbroken + "=" * (-len(unbroken) % 4), validate=True).decode()


def _table(data: dict[str, object], name: str, origin: str) -> dict[str, object]:
    table = data.get(name) or {}
    if not isinstance(table, dict):
        raise _broken(origin, f"{name} is not an object")
    return table


def _broken(origin: str, reason: str) -> EnvironmentProblem:
    return EnvironmentProblem(f"{origin} cannot be read: {reason}", hint="fix it, or run docker login again")


def read_config(path: Path) -> DockerConfig:
    """The configuration in a file; an empty one if there is no such file."""
    try:
        return DockerConfig.parse(path.read_text("utf-8-sig"), str(path))
    except FileNotFoundError:
        return DockerConfig()
    except (OSError, UnicodeDecodeError) as fault:
        raise _broken(str(path), getattr(fault, "strerror", None) or "it is not UTF-8") from None


class Keychain:
    """A `CredentialProvider` over an environment: CI variables, `DOCKER_AUTH_CONFIG`, then the files that Docker and
    Podman write.

    GitLab's `CI_REGISTRY`, `CI_REGISTRY_USER` and `CI_REGISTRY_PASSWORD` apply to that host. In GitHub Actions,
    `GITHUB_TOKEN` applies to ghcr.io unless the configuration has credentials for it. Files are read at the first call.
    """

    def __init__(self, env: Mapping[str, str], source: str | Path | None = None) -> None:
        self._env, self._source = dict(env), source
        self._configs: tuple[DockerConfig, ...] | None = None

    async def __call__(self, host: str) -> Credentials | None:
        """The credentials of a host, or None for anonymous access. Raises EnvironmentProblem."""
        env = self._env
        if host == env.get("CI_REGISTRY") and env.get("CI_REGISTRY_USER") and env.get("CI_REGISTRY_PASSWORD"):
            return Credentials(env["CI_REGISTRY_USER"], env["CI_REGISTRY_PASSWORD"])
        if self._configs is None:
            self._configs = tuple(self._read())
        for config in self._configs:
            credentials = await config.credentials(host, env)
            if credentials is not None:
                return credentials
        if host == _GITHUB and env.get("GITHUB_ACTIONS") == "true" and env.get("GITHUB_TOKEN"):
            return Credentials(env.get("GITHUB_ACTOR") or "github-actions", env["GITHUB_TOKEN"])
        return None

    def _read(self) -> list[DockerConfig]:
        configs = []
        if text := self._env.get("DOCKER_AUTH_CONFIG"):
            configs.append(DockerConfig.parse(text, "DOCKER_AUTH_CONFIG"))
        if isinstance(self._source, str):
            configs.append(DockerConfig.parse(self._source, "the Docker configuration"))
        elif self._source is not None:
            configs.append(read_config(self._source))
        else:
            configs += map(read_config, _files(self._env))
        return configs


def _files(env: Mapping[str, str]) -> Iterator[Path]:
    """Where Docker and Podman keep credentials (containers-auth.json(5))."""
    if file := env.get("REGISTRY_AUTH_FILE"):
        yield Path(file)
    if folder := env.get("DOCKER_CONFIG"):
        yield Path(folder) / "config.json"
    elif home := env.get("HOME"):
        yield Path(home) / ".docker" / "config.json"
    if folder := env.get("XDG_RUNTIME_DIR"):
        yield Path(folder) / "containers" / "auth.json"
