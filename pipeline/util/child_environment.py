"""Environments of child processes: what each program needs, and nothing else.

A child gets the variables that its row in `PROGRAMS` names. Signing keys, tokens of CI systems, registry passwords and
whatever else the caller's environment holds stay with this program.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import NewType

ChildEnvironment = NewType("ChildEnvironment", dict[str, str])
"""An environment that `child_environment` made; whatever starts a process takes no other."""

DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"

_BASE = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR")
_XDG = ("XDG_*",)
_NETWORK = (
    *("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NIX_SSL_CERT_FILE"),
)
_GO = (
    *("GOPROXY", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOSUMDB", "GOINSECURE", "GOVCS", "GOAUTH", "NETRC"),
    *("GOROOT", "GOPATH", "GOCACHE", "GOMODCACHE", "GOTMPDIR", "GOENV", "GOFLAGS", "GOTOOLCHAIN"),
    *("GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GODEBUG", "GIT_SSL_CAINFO", "SSH_AUTH_SOCK"),
)
_OWNER = "SUDO_UID"  # git trusts the repositories of whoever called sudo
_GIT = (
    _OWNER,
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_SSL_CAINFO",
    "GIT_SSH_COMMAND",
    "SSH_AUTH_SOCK",
)
_PYTHON = ("PIP_*", "UV_*", "NETRC", "LD_LIBRARY_PATH")
_DEBIAN = ("APT_CONFIG", "DEBIAN_FRONTEND", "DEBIAN_PRIORITY", "DEBCONF_*", "DPKG_*")
_DOCKER = (
    *(
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "DOCKER_CONFIG",
        "DOCKER_CERT_PATH",
        "DOCKER_TLS",
        "DOCKER_TLS_VERIFY",
    ),
    *("DOCKER_API_VERSION", "DOCKER_DEFAULT_PLATFORM", "SSH_AUTH_SOCK"),
)
_DAGGER = (
    *("DAGGER_*", "_EXPERIMENTAL_DAGGER_*", "OTEL_*", "TRACEPARENT", "TRACESTATE", "DO_NOT_TRACK"),
    "DOCKER_AUTH_CONFIG",  # the session answers the engine's requests for credentials of registries
    *("KUBECONFIG", "CONTAINERD_ADDRESS", "CONTAINERD_NAMESPACE", "CONTAINER_HOST"),
)
_DESKTOP = ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "GNUPGHOME", "GPG_TTY", "SSH_AUTH_SOCK")
_AMAZON = ("AWS_*", "ECR_*")
_GOOGLE = ("GOOGLE_*", "CLOUDSDK_*", "GCE_METADATA_*")
_AZURE = ("AZURE_*", "ACR_*", "IDENTITY_*", "MSI_*")
_VAULT = ("VAULT_*", "BAO_*", "TRANSIT_SECRET_ENGINE_PATH")
_GITHUB = ("GITHUB_TOKEN", "GH_TOKEN", "GH_HOST", "GH_CONFIG_DIR")
_HELPER = (*_BASE, *_XDG, *_NETWORK, *_DESKTOP, "DOCKER_CONFIG")
_ANY_HELPER = "docker-credential-*"

PROGRAMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "local": ("PATH", "HOME", "LANG", "LC_*", "TMPDIR"),  # tar, chroot, dpkg-deb: files alone
        "daemon": ("PATH",),  # olareg, slirp4netns, the engine's namespaces: they set what else they need
        "git": (
            *("PATH", "HOME", "TMPDIR", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"),
            _OWNER,
        ),
        "git fetch": (*_BASE, *_XDG, *_NETWORK, *_GIT),
        "go": (*_BASE, *_XDG, *_NETWORK, *_GO),
        "python": (*_BASE, *_XDG, *_NETWORK, *_PYTHON),  # uv, pip, venv
        "debian": (*_BASE, *_NETWORK, *_DEBIAN),  # apt-get, mmdebstrap
        "docker": (*_BASE, *_XDG, *_NETWORK, *_DOCKER),
        "docker pull": (*_BASE, *_XDG, *_NETWORK, *_DOCKER, "DOCKER_AUTH_CONFIG"),
        "cosign": (*_BASE, *_XDG, *_NETWORK, *_AMAZON, *_GOOGLE, *_AZURE, *_VAULT),  # keys of services
        "dagger": (*_BASE, *_XDG, *_NETWORK, *_DOCKER, *_DAGGER),
        "secret": ("PATH", "HOME", "USER", "LANG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK"),
        "docker-credential-ecr-login": (*_HELPER, *_AMAZON),
        "docker-credential-gcr": (*_HELPER, *_GOOGLE),
        "docker-credential-gcloud": (*_HELPER, *_GOOGLE),
        "docker-credential-acr-env": (*_HELPER, *_AZURE),
        "docker-credential-gh": (*_HELPER, *_GITHUB),
        "docker-credential-ghcr-login": (*_HELPER, *_GITHUB),
        "docker-credential-vault-login": (*_HELPER, "VAULT_*"),
        "docker-credential-pass": (*_HELPER, "PASSWORD_STORE_*"),
        _ANY_HELPER: (*_HELPER, "PASSWORD_STORE_*", *_AMAZON, *_GOOGLE, *_AZURE),
    }
)
"""The variables of each program; a name that ends in `*` is a prefix."""


def child_environment(
    program: str, environ: Mapping[str, str], extra: Mapping[str, str] | None = None
) -> ChildEnvironment:
    """The part of `environ` that a program needs, and `extra`. PATH holds absolute folders alone.

    `program` is a key of PROGRAMS, or a credential helper. Raises KeyError for anything else.
    """
    patterns = PROGRAMS[
        _ANY_HELPER if program not in PROGRAMS and fnmatchcase(program, _ANY_HELPER) else program
    ]
    kept = {name: value for name, value in environ.items() if _named(name, patterns)}
    kept |= extra or {}
    if "PATH" in kept:
        kept["PATH"] = absolute_path(kept["PATH"])
    return ChildEnvironment(kept)


def absolute_path(path: str) -> str:
    """A PATH without empty and relative entries, which name folders below the current one."""
    return os.pathsep.join(entry for entry in path.split(os.pathsep) if Path(entry).is_absolute())


def find_program(name: str, path: str, *, outside: Path | None = None) -> Path | None:
    """The absolute path of a program on a PATH, in no folder at or below `outside`; None where there is none."""
    if outside == Path("/"):
        outside = None
    folders = [
        entry
        for entry in absolute_path(path).split(os.pathsep)
        if entry and (outside is None or not Path(entry).resolve().is_relative_to(outside))
    ]
    program = shutil.which(name, path=os.pathsep.join(folders)) if folders else None
    return Path(program) if program else None


def command_line(argv: Sequence[str], environment: ChildEnvironment) -> list[str]:
    """A command line whose program is an absolute path, found on the child's own PATH; as it is where there is none."""
    program = None if "/" in argv[0] else find_program(argv[0], environment.get("PATH", DEFAULT_PATH))
    return [str(program or argv[0]), *argv[1:]]


def _named(name: str, patterns: tuple[str, ...]) -> bool:
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern for pattern in patterns
    )
