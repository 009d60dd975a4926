"""What the catalogue and the options say is checked before engine and registry are started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tools import warm

PROJECT = "version: 1\nproject: demo\nbases: [debian:12]\nenvironments:\n" + "".join(
    f'  - {{name: {name}, repository: "{name}/{{image}}"}}\n' for name in ("dev", "prod")
)


def lockage(tmp_path: Path, project: str, *arguments: str) -> warm.Ended:
    """Run the program on a catalogue of one image, in a home where nothing was ever done."""
    image = tmp_path / "catalogue/images/a"
    image.mkdir(parents=True)
    (tmp_path / "catalogue/lockage.yml").write_text(project)
    (image / "image.yml").write_text("tags: [1.0.0]\n")
    (image / "Dockerfile.tmpl").write_text("FROM debian:12\n")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LOCKAGE_")}
    environ |= {"LOCKAGE_HOME": str(tmp_path / "home"), "LOCKAGE_CACHE": str(tmp_path / "cache")}
    return warm.run(arguments, cwd=tmp_path / "catalogue", env=environ, timeout=60)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["build"],
        ["manifest"],
        ["rebuild"],
        ["promote", "--to", "prod"],
        ["lock"],
        ["outdated"],
        ["export"],
        ["verify"],
        ["findings"],
        ["report"],
        ["diff", "dev", "prod"],
    ],
    ids=" ".join,
)
def test_a_mistake_in_the_catalogue_starts_nothing(tmp_path: Path, arguments: list[str]) -> None:
    done = lockage(tmp_path, PROJECT + "polcy: {}\n", *arguments)
    assert done.code == 3 and "did you mean policy?" in done.err, done.err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--to", "nowhere"], "no environment is called 'nowhere'"),
        (["promote", "--to", "nowhere"], "no environment is called 'nowhere'"),
        (["promote", "--from", "nowhere", "--to", "prod"], "no environment is called 'nowhere'"),
        (["build", "b"], "no target is called 'b'"),
        (["sign", "--env", "prod"], "there is no --re-sign"),
        (["sign", "--re-sign", "--env", "nowhere"], "no environment is called 'nowhere'"),
        (["sign", "--re-sign", "--env", "prod"], "nobody is known who signed for prod before"),
        (["sign", "--re-sign", "r.example/a:1"], "of references, nobody is known"),
        (["sign", "--re-sign", "--key", "none.pub"], "none.pub"),
        (["sign", "--re-sign", "r.example/a:1", "a"], "takes references, or images"),
        (["sign", "--re-sign", "--platform", "linux/amd64"], "takes whole images"),
        (["run", "--locked", "--pull"], "--locked forbids it"),
    ],
)
def test_a_wrong_option_starts_nothing(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = lockage(tmp_path, PROJECT, *arguments)
    assert done.code == 2 and message in done.err, done.err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("arguments", [["run"], ["findings"], ["promote", "--to", "prod"]], ids=" ".join)
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            None,
            "lockage.yml: trust.records: keys/ci.pub cannot be read: No such file or directory (name files",
        ),
        ("no key", "keys/ci.pub: not a public key in PEM: Unable to load PEM file (cosign public-key"),
    ],
)
def test_a_key_that_cannot_be_trusted_starts_nothing(
    tmp_path: Path, arguments: list[str], content: str | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "catalogue/keys").mkdir(parents=True)
        (tmp_path / "catalogue/keys/ci.pub").write_text(content)
    done = lockage(tmp_path, PROJECT + "trust: {records: [keys/ci.pub]}\n", *arguments)
    assert done.code == 3 and reason in done.err, done.err
    assert not (tmp_path / "home").exists()
