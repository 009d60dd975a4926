"""Credentials where Docker keeps them: `config.json`, credential helpers, and what CI systems set.

Read by the documentation of `docker login` and of docker-credential-helpers. Keys with a path below the
host, as Podman writes them, are left out.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import anyio

from pipeline.errors import EnvironmentProblem
from pipeline.model.reference import DOCKER_HUB

from .access import Credentials

_LIMIT = 1024 * 1024
_HELPER = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
_HELPER_SECONDS = 30
_HUB_KEY = "https://index.docker.io/v1/"
_HUB_NAMES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_GITHUB = "ghcr.io"
_NO_SECRET = ("credentials not found", "no credentials server url", "no credentials username")


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """What a Docker configuration says about credentials; hosts in the form of references."""

    auths: Mapping[str, Credentials] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    helpers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    store: str = ""

    @classmethod
    def parse(cls, text: str, where: str) -> DockerConfig:
        """Read `config.json`; raises EnvironmentProblem. No message quotes what stands in it."""
        if len(text) > _LIMIT:
            raise _broken(where, "it is larger than 1 MiB")
        try:
            data = json.loads(text or "{}")
        except (ValueError, RecursionError) as fault:
            line = f" at line {fault.lineno}" if isinstance(fault, json.JSONDecodeError) else ""
            raise _broken(where, f"it is not JSON{line}") from None
        if not isinstance(data, dict):
            raise _broken(where, "it is not an object")
        helpers = {host_of(k): v for k, v in _table(data, "credHelpers", where).items() if isinstance(v, str)}
        auths: dict[str, Credentials] = {}
        for key, entry in _table(data, "auths", where).items():
            if "/" not in key.split("://")[-1].rstrip("/").removesuffix("/v1").removesuffix("/v2"):
                found = _entry(entry, key, where)
                if found is not None:
                    auths[host_of(key)] = found
        store = data.get("credsStore")
        return cls(
            MappingProxyType(auths), MappingProxyType(helpers), store if isinstance(store, str) else ""
        )

    async def credentials(self, host: str, env: Mapping[str, str]) -> Credentials | None:
        """For a host: its own helper, else the common store, else the file. Raises EnvironmentProblem."""
        for helper in (self.helpers.get(host), self.store):
            if helper and (found := await from_helper(helper, host, env)) is not None:
                return found
        return self.auths.get(host)


def docker_config(known: Mapping[str, Credentials]) -> str:
    """A Docker configuration that holds these credentials by host, for a program that reads one; empty for none."""
    auths: dict[str, dict[str, str]] = {}
    for host, one in sorted(known.items()):
        entry = {"identitytoken": one.identity_token, "registrytoken": one.registry_token}
        if one.username or one.password:
            entry["auth"] = base64.b64encode(f"{one.username}:{one.password}".encode()).decode()
        auths[_HUB_KEY if host == DOCKER_HUB else host] = {name: text for name, text in entry.items() if text}
    return json.dumps({"auths": auths}) if auths else ""


def host_of(key: str) -> str:
    """The host a key of `auths` means: `https://index.docker.io/v1/` is `docker.io`."""
    host = (urlsplit(key).netloc if "://" in key else key.partition("/")[0]).lower()
    return DOCKER_HUB if host in _HUB_NAMES else host


async def from_helper(helper: str, host: str, env: Mapping[str, str]) -> Credentials | None:
    """Ask `docker-credential-<helper> get`; None if it knows nothing. Raises EnvironmentProblem."""
    if not _HELPER.match(helper):
        raise _broken("the Docker configuration", f"{helper[:80]!r} is not the name of a credential helper")
    program = f"docker-credential-{helper}"
    key = _HUB_KEY if host == DOCKER_HUB else host
    try:
        with anyio.fail_after(_HELPER_SECONDS):
            done = await anyio.run_process([program, "get"], input=key.encode(), check=False, env=dict(env))
    except FileNotFoundError:
        raise EnvironmentProblem(
            f"{program}, which keeps the credentials of {host}, is not installed",
            hint="install it, or take it out of credHelpers/credsStore and run: docker login " + host,
        ) from None
    except TimeoutError:
        raise EnvironmentProblem(
            f"{program} has not answered for {host} in {_HELPER_SECONDS} s",
            hint="it may be waiting for a password: unlock the keychain and run again",
        ) from None
    said = (done.stdout[:4096] + b" " + done.stderr[:4096]).decode("utf-8", "replace").lower()
    if done.returncode != 0:
        if any(text in said for text in _NO_SECRET):
            return None
        raise EnvironmentProblem(
            f"{program} failed for {host} (exit {done.returncode})",
            hint=f"try it: echo {key} | {program} get",
            detail=done.stderr[:1000].decode("utf-8", "replace").strip() or None,
        )
    try:
        data = json.loads(done.stdout[:_LIMIT])
        name, secret = data["Username"], data["Secret"]
        if not isinstance(name, str) or not isinstance(secret, str):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise EnvironmentProblem(
            f"{program} gave an answer for {host} that is not one of the protocol"
        ) from None
    return Credentials(identity_token=secret) if name == "<token>" else Credentials(name, secret)


def _entry(entry: Any, key: str, where: str) -> Credentials | None:
    if not isinstance(entry, dict):
        raise _broken(where, f"auths: {key[:100]} is not an object")
    values = {
        name: entry.get(name) or "" for name in ("username", "password", "identitytoken", "registrytoken")
    }
    if not all(isinstance(value, str) for value in values.values()):
        raise _broken(where, f"auths: {key[:100]} holds something that is not a string")
    packed = entry.get("auth")
    if isinstance(packed, str) and packed:
        try:
            user, colon, password = base64.b64decode(packed, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _broken(where, f"auths: {key[:100]}: auth is not base64") from None
        if not colon:
            raise _broken(where, f"auths: {key[:100]}: auth is not user:password")
        values |= {"username": user, "password": password.rstrip("\0")}
    found = Credentials(
        values["username"], values["password"], values["identitytoken"], values["registrytoken"]
    )
    return found if found != Credentials() else None


def _table(data: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    table = data.get(name) or {}
    if not isinstance(table, dict):
        raise _broken(where, f"{name} is not an object")
    return table


def _broken(where: str, why: str) -> EnvironmentProblem:
    return EnvironmentProblem(f"{where} cannot be read: {why}", hint="mend it, or run docker login again")


def read_config(path: Path) -> DockerConfig:
    """The configuration in a file; nothing is said by one that is not there."""
    try:
        return DockerConfig.parse(path.read_text("utf-8"), str(path))
    except FileNotFoundError:
        return DockerConfig()
    except (OSError, UnicodeDecodeError) as fault:
        raise _broken(str(path), getattr(fault, "strerror", None) or "it is not UTF-8") from None


class Keychain:
    """A `Provider` over an environment: what CI sets, `DOCKER_AUTH_CONFIG`, then the Docker configuration.

    GitLab's `CI_REGISTRY`, `CI_REGISTRY_USER` and `CI_REGISTRY_PASSWORD` speak for that host; a job of GitHub's that
    was given its `GITHUB_TOKEN` has it for ghcr.io, unless something else was said. Files are read at the first
    question, each helper is asked once for each host.
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
            found = await config.credentials(host, env)
            if found is not None:
                return found
        if host == _GITHUB and env.get("GITHUB_ACTIONS") == "true" and env.get("GITHUB_TOKEN"):
            return Credentials(env.get("GITHUB_ACTOR") or "github-actions", env["GITHUB_TOKEN"])
        return None

    def _read(self) -> list[DockerConfig]:
        out = []
        if text := self._env.get("DOCKER_AUTH_CONFIG"):
            out.append(DockerConfig.parse(text, "DOCKER_AUTH_CONFIG"))
        if isinstance(self._source, str):
            out.append(DockerConfig.parse(self._source, "the Docker configuration"))
        elif self._source is not None:
            out.append(read_config(self._source))
        elif self._env.get("DOCKER_CONFIG") or self._env.get("HOME"):
            folder = self._env.get("DOCKER_CONFIG") or str(Path(self._env["HOME"]) / ".docker")
            out.append(read_config(Path(folder) / "config.json"))
        return out
