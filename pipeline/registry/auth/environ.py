"""Access to registries from environment variables: credentials, certificate authorities, plain HTTP, mirrors, proxies.

They are properties of the site where a run happens, not of what is built, so no file of a project has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from pipeline.errors import UsageError
from pipeline.model import Mirrors, Repository

from .access import Access, HostAccess
from .docker_config import Keychain

CA_FILE = "LOCKAGE_CA_FILE"
PLAIN_HTTP = "LOCKAGE_PLAIN_HTTP"
MIRRORS = "LOCKAGE_MIRRORS"


def access_from_environ(
    env: Mapping[str, str],
    docker_config: str | Path | None = None,
    *,
    hosts: Mapping[str, HostAccess] | None = None,
) -> Access:
    """Access by `env`, with credentials from a Docker configuration, its credential helpers and CI variables.

    `docker_config` is its text or its path; None finds it through `env`. It is read when a host first needs
    credentials. `hosts` take precedence over `env`. Raises UsageError.
    """
    return Access(
        MappingProxyType({**hosts_from_environ(env), **(hosts or {})}),
        Keychain(env, docker_config),
        ca_file_from_environ(env),
        proxies=proxies_from_environ(env),
    )


def hosts_from_environ(env: Mapping[str, str]) -> Mapping[str, HostAccess]:
    """The hosts in LOCKAGE_CA_FILE (`host=file,…`) and LOCKAGE_PLAIN_HTTP (`host,…`). Raises UsageError."""
    plain_http = {_host(PLAIN_HTTP, text) for text in _entries(env.get(PLAIN_HTTP, ""))}
    ca_files = {_host(CA_FILE, name): _file(path) for name, path in _ca_entries(env) if name}
    if both := sorted(plain_http & ca_files.keys()):
        raise UsageError(
            f"{both[0]} is named by {PLAIN_HTTP} and {CA_FILE}",
            hint="remove it from one: plain HTTP has no certificate authority",
        )
    return {
        host: HostAccess(host in plain_http, ca_files.get(host))
        for host in sorted(plain_http | ca_files.keys())
    }


def ca_file_from_environ(env: Mapping[str, str]) -> str | None:
    """The certificate authority of every host: the entry of LOCKAGE_CA_FILE without a host. Raises UsageError."""
    files = [path for name, path in _ca_entries(env) if not name]
    if len(files) > 1:
        raise UsageError(
            f"{CA_FILE} names two files for every host", hint="put both certificates into one PEM file"
        )
    return _file(files[0]) if files else None


def mirrors_from_environ(env: Mapping[str, str]) -> Mirrors:
    """The mirrors in LOCKAGE_MIRRORS (`docker.io=harbor.example/hub,…`). Raises UsageError."""
    prefixes: dict[str, str] = {}
    for entry in _entries(env.get(MIRRORS, "")):
        host, equals, prefix = entry.partition("=")
        if not equals:
            raise UsageError(
                f"{MIRRORS}: {entry[:200]!r} is not HOST=REPOSITORY", hint="docker.io=harbor.example/hub"
            )
        prefixes[_host(MIRRORS, host)] = prefix
    try:
        return Mirrors.parse(prefixes)
    except ValueError as fault:
        raise UsageError(f"{MIRRORS}: {fault}", hint="docker.io=harbor.example/hub") from None


def proxies_from_environ(env: Mapping[str, str]) -> Mapping[str, str]:
    """The proxies in HTTPS_PROXY and HTTP_PROXY by scheme, and NO_PROXY under `no`; lower case works as well.

    Raises UsageError for an invalid address.
    """
    proxies: dict[str, str] = {}
    for name in ("https", "http", "no"):
        text = (env.get(f"{name}_proxy") or env.get(f"{name.upper()}_PROXY") or "").strip()
        if text and name != "no":
            text = text if "://" in text else f"http://{text}"
            if not _is_proxy(text):
                shown = text.rpartition("@")[2]  # without a password
                raise UsageError(
                    f"{name.upper()}_PROXY: {shown[:200]!r} is not the address of an HTTP proxy",
                    hint="such as http://proxy.lan:3128; characters like / # @ in a password are written %2F %23 %40",
                )
        if text:
            proxies[name] = text
    return MappingProxyType(proxies)


def _is_proxy(address: str) -> bool:
    """Whether this is an HTTP address with a valid port. An unencoded `/`, `#` or `?` in a password is none."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    rest = parts.path + parts.query + parts.fragment
    return parts.scheme == "http" and bool(parts.hostname) and port != 0 and "@" not in rest


def _ca_entries(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for entry in _entries(env.get(CA_FILE, "")):
        name, equals, path = entry.partition("=")
        yield (name, path) if equals else ("", name)


def _entries(text: str) -> list[str]:
    return [entry for part in text.split(",") if (entry := part.strip())]


def _host(variable: str, text: str) -> str:
    try:
        return Repository(text.strip(), "x").host
    except ValueError as fault:
        raise UsageError(
            f"{variable}: {fault}", hint="write the host as in references: registry.lan:5000"
        ) from None


def _file(path: str) -> str:
    try:
        is_file = Path(path).is_file()
    except (OSError, ValueError):  # a name that no file can have
        is_file = False
    if not is_file:
        raise UsageError(
            f"{CA_FILE}: there is no file {path[:300]!r}", hint="name a PEM file: host=/path/to/ca.pem"
        )
    return path
