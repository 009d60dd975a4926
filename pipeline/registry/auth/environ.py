"""What a site says about registries in its environment: certificate authorities, plain HTTP, mirrors, proxies.

These are properties of where a run happens, not of what is built: so they stand in no file of a project.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.errors import UsageError
from pipeline.model import Mirrors, Repository

from .access import HostAccess

CA_FILE = "LOCKAGE_CA_FILE"
PLAIN_HTTP = "LOCKAGE_PLAIN_HTTP"
MIRRORS = "LOCKAGE_MIRRORS"


def hosts_from_environ(env: Mapping[str, str]) -> Mapping[str, HostAccess]:
    """What LOCKAGE_CA_FILE (`host=file,…`) and LOCKAGE_PLAIN_HTTP (`host,…`) say of hosts. Raises UsageError."""
    plain = {_host(PLAIN_HTTP, text) for text in _words(env.get(PLAIN_HTTP, ""))}
    files = {_host(CA_FILE, name): _file(path) for name, path in _pairs(env) if name}
    if both := sorted(plain & files.keys()):
        raise UsageError(
            f"{both[0]} is named by {PLAIN_HTTP} and {CA_FILE}",
            hint="take it out of one: without TLS there is no CA",
        )
    return {host: HostAccess(host in plain, files.get(host)) for host in sorted(plain | files.keys())}


def ca_file_from_environ(env: Mapping[str, str]) -> str | None:
    """The authority for every host: an entry of LOCKAGE_CA_FILE without a host. Raises UsageError."""
    found = [path for name, path in _pairs(env) if not name]
    if len(found) > 1:
        raise UsageError(
            f"{CA_FILE} names two files for every host", hint="put both certificates into one PEM file"
        )
    return _file(found[0]) if found else None


def mirrors_from_environ(env: Mapping[str, str]) -> Mirrors:
    """Where LOCKAGE_MIRRORS (`docker.io=harbor.example/hub,…`) says that hosts are mirrored. Raises UsageError."""
    found: dict[str, str] = {}
    for word in _words(env.get(MIRRORS, "")):
        host, equals, prefix = word.partition("=")
        if not equals:
            raise UsageError(
                f"{MIRRORS}: {word[:200]!r} is not HOST=REPOSITORY", hint="docker.io=harbor.example/hub"
            )
        found[_host(MIRRORS, host)] = prefix
    try:
        return Mirrors.parse(found)
    except ValueError as fault:
        raise UsageError(f"{MIRRORS}: {fault}", hint="docker.io=harbor.example/hub") from None


def proxies_from_environ(env: Mapping[str, str]) -> Mapping[str, str]:
    """The proxies of HTTPS_PROXY and HTTP_PROXY by scheme, and under `no` what NO_PROXY leaves out; lower case counts
    as well. Raises UsageError for an address that is not one."""
    found: dict[str, str] = {}
    for name in ("https", "http", "no"):
        text = (env.get(f"{name}_proxy") or env.get(f"{name.upper()}_PROXY") or "").strip()
        if text and name != "no":
            text = text if "://" in text else f"http://{text}"
            parts = urlsplit(text)
            if parts.scheme != "http" or not parts.hostname:
                where = f"{parts.scheme}://{parts.hostname or ''}"  # without what may be a password
                raise UsageError(
                    f"{name.upper()}_PROXY: {where[:200]!r} is not the address of an HTTP proxy",
                    hint="such as http://proxy.lan:3128",
                )
        if text:
            found[name] = text
    return found


def _pairs(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for word in _words(env.get(CA_FILE, "")):
        name, equals, path = word.partition("=")
        yield (name, path) if equals else ("", name)


def _words(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]


def _host(variable: str, text: str) -> str:
    try:
        return Repository(text.strip(), "x").host
    except ValueError as fault:
        raise UsageError(
            f"{variable}: {fault}", hint="a host as references have it: registry.lan:5000"
        ) from None


def _file(path: str) -> str:
    if not Path(path).is_file():
        raise UsageError(
            f"{CA_FILE}: there is no file {path[:300]!r}", hint="name a PEM file: host=/path/to/ca.pem"
        )
    return path
