"""Artifacts in and out through the command line, against both registries; regctl and crane as second opinions."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.real.site import ROOT, Done
from tests.real.tools import crane
from tests.registry import servers
from tests.tools import peers, warm

pytestmark = pytest.mark.real

TYPES = {
    "payload": (
        "application/vnd.containai.payload.v1",
        "payload.tar.gz:application/vnd.containai.payload.layer.v1+gzip",
    ),
    "installer": (
        "application/vnd.containai.installer.v1",
        "install.sh:application/vnd.containai.installer.v1+sh",
    ),
    "metadata": ("application/vnd.containai.metadata.v1+json", "channels.json:application/json"),
}
MODULE = b"\0asm\x01\0\0\0"
_names = count()


@dataclass(frozen=True)
class Shell:
    """Runs the program in a folder of the test's own, with nobody's credentials."""

    folder: Path

    def run(self, *arguments: str, expect: int = 0) -> Done:
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("LOCKAGE_", "DOCKER_"))}
        env = {**keep, "PYTHONPATH": str(ROOT), "HOME": str(self.folder)}
        done = Done(*warm.run(arguments, cwd=self.folder, env=env))
        assert done.code == expect, f"exit {done.code}\n{done.out}{done.err}"
        assert "Traceback" not in done.err
        return done

    def json(self, *arguments: str, expect: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", expect=expect).out)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """olareg and distribution, running."""
    folder = tmp_path_factory.mktemp("registries")
    with servers.olareg(folder / "olareg") as one, servers.distribution(folder / "distribution") as two:
        yield {"olareg": one, "distribution": two}


@pytest.fixture(params=["olareg", "distribution"])
def name(request: pytest.FixtureRequest, hosts: Mapping[str, str]) -> str:
    """A repository nobody has used, in each registry in turn."""
    return f"{hosts[request.param]}/artifacts/r{next(_names)}"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A folder with the three kinds of file."""
    (tmp_path / "payload.tar.gz").write_bytes(os.urandom(300_000))
    (tmp_path / "install.sh").write_text("#!/bin/sh\necho hello\n")
    (tmp_path / "channels.json").write_text('{"prod": "1.2.3"}\n')
    return Shell(tmp_path)


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_pushed_comes_back_byte_for_byte(shell: Shell, name: str, kind: str) -> None:
    artifact_type, file = TYPES[kind]
    title = file.partition(":")[0]
    pushed = shell.json(
        *("artifact", "push", f"{name}:1", file, "--artifact-type", artifact_type, "--annotation", "a.b=c=d")
    )
    assert pushed["written"] is True
    assert crane("digest", f"{name}:1") == pushed["digest"]
    manifest = json.loads(crane("manifest", f"{name}:1"))
    assert manifest["artifactType"] == artifact_type
    assert manifest["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    assert manifest["layers"][0]["annotations"] == {"org.opencontainers.image.title": title}
    assert manifest["annotations"] == {"a.b": "c=d"}

    pulled = shell.json("artifact", "pull", f"{name}:1", "--output", "out")
    original = (shell.folder / title).read_bytes()
    assert (shell.folder / "out" / title).read_bytes() == original
    assert [Path(path).name for path in pulled["paths"]] == [title]
    (shell.folder / "peer").mkdir()
    peers.run(
        peers.regctl(), *_plain(name), "artifact", "get", f"{name}:1", "--output", shell.folder / "peer"
    )
    assert (shell.folder / "peer" / title).read_bytes() == original

    again = shell.json(
        "artifact", "push", f"{name}:1", file, "--artifact-type", artifact_type, "--annotation", "a.b=c=d"
    )
    assert (again["written"], again["digest"]) == (False, pushed["digest"])
    shown = shell.run("artifact", "show", f"{name}@{pushed['digest']}").out
    assert artifact_type in shown and title in shown and "a.b=c=d" in shown


def test_what_others_push_is_pulled(shell: Shell, name: str) -> None:
    kinds = ("--artifact-type", "application/vnd.acme.v1", "--file-media-type", "text/x-sh")
    peers.run(
        *(peers.regctl(), *_plain(name), "artifact", "put", *kinds, "--file", "install.sh", "--file-title"),
        f"{name}:2",
        cwd=shell.folder,
    )
    shell.run("artifact", "pull", f"{name}:2", "--output", "out")
    assert (shell.folder / "out" / "install.sh").read_bytes() == (shell.folder / "install.sh").read_bytes()


def test_several_files_with_folders_and_equal_content(shell: Shell, name: str) -> None:
    (shell.folder / "bin").mkdir()
    (shell.folder / "bin" / "tool").write_text("same")
    (shell.folder / "tool").write_text("same")
    (shell.folder / "empty").write_text("")
    files = ["bin/tool:text/plain", "tool:text/plain", "empty:text/plain"]
    shell.run("artifact", "push", f"{name}:1", *files)
    shell.run("artifact", "pull", f"{name}:1", "--output", "out")
    found = {
        p.relative_to(shell.folder / "out"): p.read_text()
        for p in (shell.folder / "out").rglob("*")
        if p.is_file()
    }
    assert found == {Path("bin/tool"): "same", Path("tool"): "same", Path("empty"): ""}


def test_a_wasm_module(shell: Shell, name: str) -> None:
    (shell.folder / "app.wasm").write_bytes(MODULE)
    pushed = shell.json("artifact", "push", f"{name}:wasm", "app.wasm:application/wasm", "--wasm")
    manifest = json.loads(crane("manifest", f"{name}:wasm"))
    assert manifest["config"]["mediaType"] == "application/vnd.wasm.config.v0+json"
    assert [layer["mediaType"] for layer in manifest["layers"]] == ["application/wasm"]
    config = json.loads(crane("blob", f"{name}@{manifest['config']['digest']}"))
    assert config["architecture"] == "wasm" and config["os"] == "wasip1"
    assert config["layerDigests"] == ["sha256:" + hashlib.sha256(MODULE).hexdigest()]
    shell.run("artifact", "pull", f"{name}@{pushed['digest']}", "--output", "out")
    assert (shell.folder / "out" / "app.wasm").read_bytes() == MODULE


def test_a_subject_lists_what_refers_to_it(shell: Shell, name: str) -> None:
    subject = shell.json("artifact", "push", f"{name}:1", "install.sh:text/x-sh")["digest"]
    pushed = shell.json(
        *("artifact", "push", name, "channels.json:application/json", "--subject", f"{name}:1"),
        *("--artifact-type", "application/vnd.acme.notes.v1"),
    )
    listed = json.loads(
        peers.run(
            peers.regctl(), *_plain(name), "artifact", "list", f"{name}@{subject}", "--format", "{{json .}}"
        )
    )
    assert [d["digest"] for d in listed["descriptors"]] == [pushed["digest"]]
    assert shell.json("artifact", "show", f"{name}@{pushed['digest']}")["subject"]["digest"] == subject


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["push", "{name}:1", "install.sh"], 2, "not FILE:MEDIATYPE"),
        (["push", "{name}:1", "absent:text/plain"], 2, "cannot read absent"),
        (
            ["push", "{name}:1", "install.sh:text/plain", "./install.sh:text/plain"],
            2,
            "two files would be called",
        ),
        (["push", "{name}:1", "install.sh:text/plain", "--annotation", "x"], 2, "not NAME=VALUE"),
        (["push", "{name}:1", "install.sh:text/plain", "--artifact-type", "x"], 2, "not a media type"),
        (["push", "{name}:1", "install.sh:application/wasm", "--wasm"], 2, "not WebAssembly"),
        (["push", "{name}:1", "install.sh:text/plain", "--subject", "{name}:no"], 5, "does not exist"),
        (["push", "{name}:1", "install.sh:text/plain", "--subject", "{name}x:1"], 2, "another repository"),
        (["push", "registry.example/UPPER:1", "install.sh:text/plain"], 2, "HOST/NAME:TAG"),
        (["push", "{name}@sha256:" + "0" * 64, "install.sh:text/plain"], 2, "only its content gives"),
        (["pull", "{name}:absent"], 5, "does not exist"),
        (["show", "{name}"], 5, "neither a tag nor a digest"),
    ],
)
def test_bad_input_is_one_error_and_changes_nothing(
    shell: Shell, name: str, arguments: list[str], code: int, words: str
) -> None:
    before = sorted(shell.folder.rglob("*"))
    done = shell.run("artifact", *(a.format(name=name) for a in arguments), expect=code)
    assert words in done.err and done.err.count("error: ") == 1 and "next: " in done.err
    assert done.out == ""
    assert sorted(shell.folder.rglob("*")) == before
    assert subprocess.run([*_crane(), "ls", name], capture_output=True, check=False).stdout in (b"", b"\n")


@pytest.mark.parametrize(
    "title", ["../evil", "/evil", "a/../../evil", "a//b", ".", "", "a\\b", "a\nb", "x" * 300, "kept/inside"]
)
def test_titles_that_lead_elsewhere_are_refused(shell: Shell, name: str, title: str) -> None:
    """An artifact written by somebody who means harm: `kept` is a link out of the folder, made before."""
    content = b"evil"
    manifest = _evil(name, title, content, shell.folder)
    (shell.folder / "out").mkdir()
    (shell.folder / "elsewhere").mkdir()
    (shell.folder / "out" / "kept").symlink_to(shell.folder / "elsewhere")
    done = shell.run(
        "artifact",
        "pull",
        f"{name}@{manifest}",
        "--output",
        "out",
        expect=2 if title.startswith("kept") else 5,
    )
    assert "next: " in done.err
    assert not list(shell.folder.rglob("evil")) and not list((shell.folder / "elsewhere").iterdir())
    assert [p.name for p in (shell.folder / "out").iterdir()] == ["kept"]


def _evil(name: str, title: str, content: bytes, folder: Path) -> str:
    """Written with crane, which does not mind."""
    (folder / "layer").write_bytes(content)
    shell = Shell(folder)
    shell.run("artifact", "push", f"{name}:base", "layer:text/plain")
    manifest = json.loads(crane("manifest", f"{name}:base"))
    manifest["layers"][0]["annotations"]["org.opencontainers.image.title"] = title
    raw = json.dumps(manifest).encode()
    subprocess.run(
        [
            peers.regctl(),
            *_plain(name),
            "manifest",
            "put",
            f"{name}:evil",
            "--content-type",
            manifest["mediaType"],
        ],
        input=raw,
        check=True,
        capture_output=True,
    )
    (folder / "layer").unlink()
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def _plain(name: str) -> list[str]:
    return ["--host", f"reg={name.partition('/')[0]},tls=disabled"]


def _crane() -> list[str]:
    from tests.real.tools import binary

    return [str(binary("crane"))]


def test_a_copy_takes_along_what_belongs_to_it(shell: Shell, hosts: Mapping[str, str]) -> None:
    """From one registry to the other: the digest stays, the referrer comes along, a second copy writes nothing."""
    source, target = f"{hosts['olareg']}/from/r{next(_names)}", f"{hosts['distribution']}/to/r{next(_names)}"
    shell.run("artifact", "push", f"{source}:1", "install.sh:text/x-sh")
    note = shell.json(
        "artifact", "push", source, "channels.json:application/json", "--subject", f"{source}:1"
    )
    done = shell.json("copy", f"{source}:1", f"{target}:2")
    assert done["digest"] == crane("digest", f"{source}:1") == crane("digest", f"{target}:2")
    assert done["referrers"] == [note["digest"]] and (done["already"], done["uploaded"]) == (False, 3)
    crane("manifest", f"{target}@{note['digest']}")
    again = shell.run("copy", f"{source}:1", f"{target}:2")
    assert again.out == f"{target}:2@{done['digest']}\n" and again.err.startswith("up to date: 0 manifests")
    short, other = done["digest"][7:19], note["digest"][7:19]
    assert "→" not in again.err
    for arguments, line in (
        (("copy", f"{source}:1", f"{target}:3"), f"{target}:3  nothing → {short}"),
        (("copy", f"{source}@{note['digest']}", f"{target}:3"), f"{target}:3  {short} → {other}"),
        (("copy", f"{target}:2", f"{target}:3"), f"{target}:3  {other} → {short}"),
        (("artifact", "push", f"{source}:1", "channels.json:text/plain"), f"{source}:1  {short} → "),
    ):
        assert line in shell.run(*arguments).err
    for arguments, words in (
        ((f"{source}:no", f"{target}:4"), "does not exist"),
        ((f"{source}@sha256:" + "0" * 64, f"{target}:4"), "does not exist"),
        (("registry.example/BAD", f"{target}:4"), "not a repository path"),
    ):
        failed = shell.run("copy", *arguments, expect=2 if "BAD" in arguments[0] else 5)
        assert words in failed.err and "next: " in failed.err
    assert crane("ls", target) and "4" not in crane("ls", target).split()
