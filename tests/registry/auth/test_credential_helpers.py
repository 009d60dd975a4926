"""Programs that keep credentials for Docker: asked as Docker asks them, with the environment they need."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import EnvironmentProblem
from pipeline.registry import Credentials, access_from_environ
from pipeline.registry.auth.docker_config import DockerConfig, from_helper

from .test_docker_config import SECRET, auth

pytestmark = pytest.mark.anyio


def helper(folder: Path, name: str, script: str) -> dict[str, str]:
    """A credential helper as a program on a PATH of its own."""
    program = folder / f"docker-credential-{name}"
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


async def test_helpers(tmp_path: Path) -> None:
    env = helper(
        tmp_path,
        "vault",
        """
        [ "$1" = get ] || exit 3
        read -r host
        case "$host" in
          ghcr.io) echo '{"ServerURL":"ghcr.io","Username":"u","Secret":"open-sesame"}' ;;
          https://index.docker.io/v1/) echo '{"Username":"<token>","Secret":"open-sesame"}' ;;
          broken.example) echo 'not json' ;;
          locked.example) echo 'the keychain is locked' >&2; exit 1 ;;
          *) echo 'credentials not found in native keychain'; exit 1 ;;
        esac
        """,
    )
    config = {
        "credsStore": "vault",
        "credHelpers": {"absent.example": "nowhere", "sly.example": "../../bin/sh"},
        "auths": {"plain.example": {"auth": auth("in", "file")}},
    }
    access = access_from_environ(env, json.dumps(config))
    assert await access.credentials("ghcr.io") == Credentials("u", SECRET)
    assert await access.credentials("docker.io") == Credentials(identity_token=SECRET)
    assert await access.credentials("plain.example") == Credentials("in", "file")
    assert await access.credentials("unknown.example") is None
    for host, problem in (
        ("broken.example", "printed an invalid response for broken.example"),
        ("locked.example", r"failed for locked.example \(exit 1\)"),
        ("absent.example", "docker-credential-nowhere"),
        ("sly.example", "not the name of a credential helper"),
    ):
        with pytest.raises(EnvironmentProblem, match=problem):
            await access.credentials(host)


async def test_a_helper_gets_its_clouds_variables_and_no_other_secret(tmp_path: Path) -> None:
    script = (
        """read -r host; echo '{"Username":"u","Secret":"'"$AWS_PROFILE,$COSIGN_PASSWORD,$CI_JOB_TOKEN"'"}'"""
    )
    env = helper(tmp_path, "ecr-login", script)
    env |= {"AWS_PROFILE": "site", "COSIGN_PASSWORD": "canary", "CI_JOB_TOKEN": "canary"}
    access = access_from_environ(env, json.dumps({"credsStore": "ecr-login"}))
    assert await access.credentials("ecr.example") == Credentials("u", "site,,")


async def test_helpers_of_the_current_folder_are_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(tmp_path, "near", "touch ran")
    monkeypatch.chdir(tmp_path)
    access = access_from_environ({"PATH": ".:/usr/bin:/bin"}, json.dumps({"credsStore": "near"}))
    with pytest.raises(EnvironmentProblem, match="docker-credential-near"):
        await access.credentials("near.example")
    assert not (tmp_path / "ran").exists()


async def test_a_helper_without_a_name_is_the_file(tmp_path: Path) -> None:
    env = helper(tmp_path, "store", """echo '{"Username":"","Secret":""}'""")
    auths = {"a.example": {"auth": auth("in", "file")}, "b.example": {"auth": auth("in", "file")}}
    text = json.dumps(
        {"credsStore": "absent", "credHelpers": {"a.example": "", "b.example": "store"}, "auths": auths}
    )
    config = DockerConfig.parse(text, "config.json")
    assert await config.credentials("a.example", env) == Credentials("in", "file")
    with pytest.raises(
        EnvironmentProblem, match="docker-credential-absent"
    ):  # the host's own helper has none
        await config.credentials("b.example", env)


async def test_a_helper_that_answers_without_reading(tmp_path: Path) -> None:
    program = tmp_path / "docker-credential-deaf"
    program.write_text('#!/bin/sh\necho \'{"Username":"user","Secret":"secret"}\'\n')
    program.chmod(0o755)
    for _ in range(20):
        found = await from_helper("deaf", "a.example", {"PATH": f"{tmp_path}:/usr/bin:/bin"})
        assert found == Credentials("user", "secret")
