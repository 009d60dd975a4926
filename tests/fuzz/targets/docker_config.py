"""Docker's configuration, and the variables that say how registries are reached."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
from hypothesis import strategies as st

from pipeline.errors import LockageError
from pipeline.registry.auth.docker_config import DockerConfig, Keychain, host_of, render_docker_config
from tests.fuzz.hostile import changed_json, hostile_texts, to_bytes
from tests.fuzz.target import Target

_CONFIG = {
    "auths": {
        "https://index.docker.io/v1/": {"auth": "cm9ib3Q6Q0FOQVJZ"},
        "ghcr.io": {"username": "robot", "password": "CANARY"},
        "registry.lan:5000": {"auth": "", "identitytoken": "CANARY"},
        "localhost:5000/path": {"auth": "cm9ib3Q6Q0FOQVJZ"},
    },
    "credHelpers": {"gcr.io": "gcr", "a.lan": "x"},
    "credsStore": "desktop",
    "proxies": {"default": {"httpProxy": "http://proxy:1"}},
}
_HOSTS = ("docker.io", "ghcr.io", "registry.lan:5000", "gcr.io", "localhost:5000", "a.lan")


def read_config(content: bytes, folder: Path) -> None:
    """A configuration: as text, as a file and as a variable; no error quotes what is secret in it."""
    text = content.decode("utf-8", "surrogatepass")
    host_of(text[:200])
    (folder / "config.json").write_bytes(content)
    refused: list[LockageError] = []
    by_variable = {"DOCKER_AUTH_CONFIG": text, "PATH": "/nonexistent"}
    for chain in (Keychain({"PATH": "/nonexistent"}, folder / "config.json"), Keychain(by_variable)):
        for host in _HOSTS:
            try:
                anyio.run(chain, host)
            except LockageError as error:
                named = error.message.startswith("docker-credential-")  # the name of a program is no secret
                assert named or "CANARY" not in json.dumps(error.to_json()), error.message
                refused.append(error)
    if refused:
        raise refused[0]
    config = DockerConfig.parse(text, "here")
    rendered = render_docker_config(config.auths)
    again = DockerConfig.parse(rendered, "here")
    assert again.auths.keys() <= config.auths.keys()


TARGETS = (
    Target(
        "docker-config",
        changed_json(
            [_CONFIG], ["auth", "username", "password", "identitytoken", "registrytoken", "credsStore"]
        )
        | st.builds(
            lambda key, auth: json.dumps({"auths": {key: {"auth": auth}}}).encode(),
            hostile_texts,
            hostile_texts,
        )
        | hostile_texts.map(to_bytes),
        read_config,
        errors=(UnicodeDecodeError,),
        examples=100,
    ),
)
