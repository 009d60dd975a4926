"""What each program gets of an environment: its own variables, and no secret of another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.util.child_environment import (
    PROGRAMS,
    absolute_path,
    child_environment,
    command_line,
    find_program,
)

SECRETS = (
    *("COSIGN_PRIVATE_KEY", "COSIGN_PASSWORD", "COSIGN_PUBLIC_KEY", "NPM_TOKEN", "LOCKAGE_PASSWORD"),
    *("CI_JOB_TOKEN", "CI_REGISTRY_PASSWORD", "CI_DEPLOY_PASSWORD", "ACTIONS_RUNTIME_TOKEN"),
    *(
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "SIGSTORE_ID_TOKEN",
        "GIT_CONFIG_VALUE_0",
        "GIT_ASKPASS",
        "LD_PRELOAD",
    ),
)
CLOUDS = ("AWS_SECRET_ACCESS_KEY", "AZURE_CLIENT_SECRET", "GOOGLE_APPLICATION_CREDENTIALS")
TOKENS = ("GITHUB_TOKEN", "GH_TOKEN", "VAULT_TOKEN", "DOCKER_AUTH_CONFIG")

NEEDED = {
    "local": ("HOME",),
    "daemon": (),
    "git": ("HOME", "XDG_CONFIG_HOME"),
    "git fetch": (
        "HOME",
        "GIT_CONFIG_GLOBAL",
        "GIT_SSH_COMMAND",
        "SSH_AUTH_SOCK",
        "HTTPS_PROXY",
        "SSL_CERT_FILE",
    ),
    "go": (
        "GOPROXY",
        "GOPRIVATE",
        "GONOSUMDB",
        "GOFLAGS",
        "GOCACHE",
        "HTTPS_PROXY",
        "no_proxy",
        "SSL_CERT_FILE",
    ),
    "python": ("PIP_INDEX_URL", "PIP_CERT", "UV_INDEX_URL", "UV_CACHE_DIR", "HTTPS_PROXY", "SSL_CERT_DIR"),
    "debian": ("APT_CONFIG", "http_proxy", "DEBIAN_FRONTEND", "LC_ALL"),
    "docker": ("DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "XDG_RUNTIME_DIR"),
    "docker pull": ("DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_AUTH_CONFIG"),
    "cosign": (*CLOUDS, "VAULT_TOKEN", "BAO_ADDR", "TRANSIT_SECRET_ENGINE_PATH", "HTTPS_PROXY"),
    "dagger": (
        *("_EXPERIMENTAL_DAGGER_RUNNER_HOST", "DAGGER_CLOUD_TOKEN", "DOCKER_HOST", "DOCKER_CONFIG"),
        *("KUBECONFIG", "SSH_AUTH_SOCK", "XDG_CACHE_HOME", "HTTPS_PROXY", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        "DOCKER_AUTH_CONFIG",
    ),
    "secret": ("HOME", "USER", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR"),
    "docker-credential-ecr-login": ("AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "HTTPS_PROXY"),
    "docker-credential-gcr": ("GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"),
    "docker-credential-gcloud": ("GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"),
    "docker-credential-acr-env": ("AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"),
    "docker-credential-gh": ("GITHUB_TOKEN", "GH_TOKEN"),
    "docker-credential-ghcr-login": ("GITHUB_TOKEN", "GH_TOKEN"),
    "docker-credential-vault-login": ("VAULT_TOKEN", "VAULT_ADDR"),
    "docker-credential-pass": ("PASSWORD_STORE_DIR", "GNUPGHOME"),
    "docker-credential-*": (*CLOUDS, "DBUS_SESSION_BUS_ADDRESS", "DOCKER_CONFIG"),
}


def test_every_program_is_examined() -> None:
    assert set(NEEDED) == set(PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_gets_what_it_needs_and_no_secret(program: str) -> None:
    needed = {name: f"value of {name}" for name in NEEDED[program]}
    others = {name: "canary" for name in (*SECRETS, *CLOUDS, *TOKENS) if name not in needed}
    given = child_environment(program, {"PATH": "/usr/bin", **needed, **others})
    assert given == {"PATH": "/usr/bin", **needed}


def test_unknown_helpers_get_the_variables_of_clouds_and_others_are_refused() -> None:
    environ = {"AWS_PROFILE": "site", "COSIGN_PASSWORD": "canary"}
    assert child_environment("docker-credential-homemade", environ) == {"AWS_PROFILE": "site"}
    with pytest.raises(KeyError):
        child_environment("curl", environ)


def test_what_a_caller_adds_wins() -> None:
    assert child_environment("local", {"HOME": "/root"}, {"HOME": "/tmp", "X": "1"}) == {
        "HOME": "/tmp",
        "X": "1",
    }


@pytest.mark.parametrize(
    ("path", "absolute"),
    [
        ("/usr/bin:/bin", "/usr/bin:/bin"),
        (":/bin", "/bin"),
        ("/bin:", "/bin"),
        (".:./tools:tools:/bin", "/bin"),
        ("", ""),
    ],
)
def test_only_absolute_folders_stay_on_path(path: str, absolute: str) -> None:
    assert absolute_path(path) == absolute
    assert child_environment("daemon", {}, {"PATH": path})["PATH"] == absolute


def test_a_command_line_names_its_program_absolutely(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "tool").chmod(0o755)
    environment = child_environment("local", {"PATH": f".:{tmp_path}"})
    assert command_line(["tool", "-x"], environment) == [f"{tmp_path}/tool", "-x"]
    assert command_line(["./tool"], environment) == ["./tool"]
    assert command_line(["absent"], environment) == ["absent"]


def test_programs_of_the_current_folder_are_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/tool"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(program.parent)
    for path in ("", ".", ":/nowhere", "../bin"):
        assert find_program("tool", path) is None
    assert find_program("tool", str(program.parent)) == program
    assert find_program("tool", f"{tmp_path}/other{os.pathsep}{program.parent}", outside=tmp_path) is None
