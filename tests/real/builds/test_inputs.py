"""What a Dockerfile may ask for beside its files: secrets, SSH, frontends, named contexts, entitlements, arguments,
attestations."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.real import samples
from tests.real.processes import looking_at
from tests.real.site import Site
from tests.real.tools import crane
from tests.tools.logins import environment
from tests.tools.programs import debian

pytestmark = pytest.mark.real

Project = Callable[..., Path]


def dockerfile(root: Path, name: str, text: str, more: str = "") -> None:
    """An image of a project, written over what was there."""
    folder = root / "images" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "image.yml").write_text(samples.image("1.0.0", extra=more))
    (folder / "Dockerfile.tmpl").write_text(text)


def repository(site: Site, root: Path) -> str:
    """A project's repository of builds."""
    line = next(t for t in (root / "lockage.yml").read_text().splitlines() if t.startswith("builds:"))
    return f"{site.registry}/{line.partition(' ')[2]}"


def built(site: Site, root: Path, name: str, **env: str) -> tuple[str, dict[str, Any]]:
    """The image of a project by digest, and its configuration."""
    found = site.run("build", name, "--json", cwd=root, **env).json["targets"]
    reference = f"{repository(site, root)}@{next(t['digest'] for t in found if t['image'] == name)}"
    return reference, json.loads(crane("config", reference))


def content(reference: str, path: str) -> str:
    """A file of an image."""
    exported = subprocess.run(
        ["sh", "-c", f"{crane_export(reference)} | tar -xO {path}"], env=environment(), capture_output=True
    )
    assert exported.returncode == 0, exported.stderr
    return exported.stdout.decode()


def crane_export(reference: str) -> str:
    """A command that writes an image's file system to its standard output."""
    from tests.real.tools import binary

    return f"{binary('crane')} export {reference} -"


def traces(folder: Path, *words: str, since: float = 0) -> list[str]:
    """Files below a folder, a site's home (registry, engine, BuildKit's state, logs) or a part of it, that hold one of
    the words, also in base64. A site has gigabytes: they are read once, and only what was written since the words
    exist, in seconds since 1970 (whatever a program sets a file's times to, ctime is that of its last change)."""
    assert folder.is_dir()
    files = ["find", str(folder), "-type", "f", "-newerct", f"@{int(since)}", "-print0"]
    search = ["xargs", "--null", "--no-run-if-empty", "grep", "--files-with-matches", "--no-messages"]
    search += ["--binary-files=text", "--fixed-strings"]
    for word in words:
        search += ["-e", word, "-e", base64.b64encode(word.encode()).decode()[:-4]]
    with subprocess.Popen(files, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as found:
        done = subprocess.run(search, stdin=found.stdout, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


@contextmanager
def sessions(site: Site) -> Iterator[dict[int, bytes]]:
    """The environments of the site's sessions with its engine, by process id, sampled meanwhile."""
    seen: dict[int, bytes] = {}

    def look(process: Path) -> None:
        if b"dagger.io/sdk.name:lockage" in (process / "cmdline").read_bytes():
            environment = (process / "environ").read_bytes()
            if str(site.home).encode() in environment:
                seen[int(process.name)] = environment

    with looking_at(look, interval=0.05):
        yield seen


def test_what_is_written_since_is_searched(tmp_path: Path) -> None:
    word, since = f"canary-{uuid.uuid4().hex}", time.time()
    (tmp_path / "a folder").mkdir()
    for name, text in (
        ("plain", f"\0{word}"),
        ("base64", base64.b64encode(f"{word}!".encode()).decode()),
        ("other", ""),
    ):
        (tmp_path / "a folder" / name).write_text(text)
        os.utime(tmp_path / "a folder" / name, (0, 0))
    found = {str(tmp_path / "a folder" / name) for name in ("plain", "base64")}
    assert set(traces(tmp_path, word, since=since)) == set(traces(tmp_path, word)) == found
    assert traces(tmp_path, word, since=time.time() + 9) == []


def test_secrets_come_from_variable_file_and_command_and_stay_nowhere(site: Site, project: Project) -> None:
    words = {source: f"canary-{source}-{uuid.uuid4().hex}" for source in ("env", "file", "command")}
    since = time.time()
    text = samples.DEBIAN + "".join(
        f"RUN --mount=type=secret,id={source},required=true,env=S "
        f'test "$S" = "$(cat /run/secrets/{source} 2>/dev/null || echo "$S")" && printf %s "$S" | wc -c > /{source}\n'
        for source in words
    )
    sources = "secrets:\n  env: {env: CANARY}\n  file: {file: secret.txt}\n  command: {command: [cat, secret.cmd]}\n"
    root = project({}, sources)
    dockerfile(root, "app", text, "secrets: [env, file, command]\n")
    (root / "secret.txt").write_text(words["file"])
    (root / "secret.cmd").write_text(f"{words['command']}\n")
    with sessions(site) as seen:
        done = site.run("-v", "build", "--json", cwd=root, CANARY=words["env"], GITHUB_TOKEN=words["env"])
    assert seen
    assert not any(word.encode() in text for text in seen.values() for word in words.values())
    target = done.json["targets"][0]
    assert target["status"] == "built"
    reference = f"{repository(site, root)}@{target['digest']}"
    for source, word in words.items():
        assert content(reference, source).strip() == str(len(word)), "the RUN had the whole secret"
        assert word not in done.out + done.err
    assert not traces(site.home, *words.values(), since=since)
    plan = site.run("plan", "--json", cwd=root).out
    assert site.run("plan", "--json", cwd=root, CANARY="another").out == plan, "no value is an input of a key"


def test_a_secret_that_is_not_there_is_left_out_unless_a_run_requires_it(
    site: Site, project: Project
) -> None:
    root = project({}, "secrets:\n  token: {env: NO_SUCH_TOKEN}\n")
    optional = "RUN --mount=type=secret,id=token test ! -e /run/secrets/token\n"
    dockerfile(root, "app", samples.DEBIAN + optional, "secrets: [token]\n")
    done = site.run("build", cwd=root)
    assert "token: there is no env NO_SUCH_TOKEN" in done.err
    required = "RUN --mount=type=secret,id=token,required=true true\n"
    dockerfile(root, "app", samples.DEBIAN + required, "secrets: [token]\n")
    refused = site.run("build", cwd=root, expect=6)
    assert "images/app/Dockerfile.tmpl:2: " in refused.err and "secret token" in refused.err


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """An SSH agent with one key, its socket."""
    debian(ssh_agent="openssh-client")
    key, socket = tmp_path / "key", tmp_path / "agent.sock"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    running = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            assert running.poll() is None
        env = {"SSH_AUTH_SOCK": str(socket)}
        subprocess.run(["ssh-add", "-q", key], check=True, env=env)
        yield socket
    finally:
        running.terminate()
        running.wait()


def test_an_ssh_agent_is_reached_by_the_run_that_mounts_it(site: Site, project: Project, agent: Path) -> None:
    root = project({}, "ssh:\n  default: {agent: SSH_AUTH_SOCK}\n")
    text = 'RUN --mount=type=ssh,required=true test -S "$SSH_AUTH_SOCK"\nRUN test -z "$SSH_AUTH_SOCK"\n'
    dockerfile(root, "app", samples.DEBIAN + text, "ssh: [default]\n")
    _, config = built(site, root, "app", SSH_AUTH_SOCK=str(agent))
    assert not [entry for entry in config["config"]["Env"] if entry.startswith("SSH_")]


def test_a_syntax_line_is_built_by_that_frontend_pinned(site: Site, project: Project) -> None:
    text = "# syntax=docker/dockerfile:1\nFROM debian:bookworm-slim\nRUN <<EOF\necho by the frontend > /by\nEOF\n"
    root = project({})
    dockerfile(root, "app", text)
    reference, _ = built(site, root, "app")
    assert content(reference, "by") == "by the frontend\n"
    unknown = text.replace("docker/dockerfile:1", "example.org/own/frontend:1")
    dockerfile(root, "app", unknown)
    refused = site.run("build", cwd=root, expect=3)
    assert "images/app/Dockerfile.tmpl:1" in refused.err and "example.org/own/frontend" in refused.err


def test_named_contexts_are_images_and_folders(site: Site, project: Project) -> None:
    root = project({})
    dockerfile(root, "base", "FROM debian:bookworm-slim\nRUN echo base > /who\n")
    text = (
        "FROM scratch AS other\nFROM debian:bookworm-slim\nCOPY --from=given /who /who\n"
        "COPY --from=files deep/file /file\n"
    )
    more = "contexts:\n  given: docker-image://base:1.0.0\n  files: ./files\n"
    dockerfile(root, "app", text, more)
    place = root / "images/app/files/deep/file"
    place.parent.mkdir(parents=True)
    place.write_text("from a folder\n")
    reference, _ = built(site, root, "app")
    assert content(reference, "who") == "base\n" and content(reference, "file") == "from a folder\n"
    before = site.run("plan", "app", "--json", cwd=root).json["targets"][-1]["key"]
    place.write_text("another\n")
    assert site.run("plan", "app", "--json", cwd=root).json["targets"][-1]["key"] != before


def test_the_context_lacks_the_list_of_its_files_and_no_file_of_that_name(
    site: Site, project: Project
) -> None:
    root = project({})
    dockerfile(root, "app", "FROM debian:bookworm-slim\nCOPY . /all\n")
    own = root / "images/app/rootfs/etc/.lockage-files"
    own.parent.mkdir(parents=True)
    own.write_text("a user's\n")
    reference, _ = built(site, root, "app")
    assert content(reference, "all/rootfs/etc/.lockage-files") == "a user's\n"
    listed = subprocess.check_output(
        ["sh", "-c", f"{crane_export(reference)} | tar -t"], env=environment(), text=True
    )
    assert "all/Dockerfile" in listed.split() and "all/.lockage-files" not in listed.split()


def test_entitlements_are_refused_unless_the_project_grants_them(site: Site, project: Project) -> None:
    root = project({})
    insecure = "RUN --security=insecure mkdir /m && mount -t tmpfs none /m\n"
    dockerfile(root, "app", samples.DEBIAN + insecure)
    refused = site.run("build", cwd=root, expect=3)
    assert "images/app/Dockerfile.tmpl:2" in refused.err and "security.insecure" in refused.err
    with (root / "lockage.yml").open("a") as file:
        file.write("entitlements:\n  app: [security.insecure, network.host]\n")
    built(site, root, "app")


def test_a_stage_that_the_engines_platform_lacks_is_refused_and_built_where_it_is(
    site: Site, project: Project
) -> None:
    """BuildKit would pull an image of the stage's name, which no lock pins."""
    root = project({})
    own = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    stage = "FROM debian:bookworm-slim AS tool-{}\nFROM tool-$BUILDARCH\nRUN echo there > /stage\n"
    dockerfile(root, "app", stage.format("s390x"))
    refused = site.run("build", cwd=root, expect=6)
    assert "images/app/Dockerfile.tmpl:2: this FROM names no stage" in refused.err
    assert "next: add a stage for" in refused.err
    dockerfile(root, "app", stage.format(own))
    reference, _ = built(site, root, "app")
    assert content(reference, "stage") == "there\n"


def test_arguments_of_the_catalogue_reach_the_build_and_its_key(site: Site, project: Project) -> None:
    root = project({}, "args:\n  WHO: project\n")
    text = (
        "ARG SUITE=none\nFROM debian:${SUITE}-slim\nARG WHO\nARG WHAT=default\nRUN echo $WHO $WHAT > /args\n"
    )
    dockerfile(root, "app", text, "args:\n  SUITE: bookworm\n  WHAT: image\n")
    reference, config = built(site, root, "app")
    assert content(reference, "args") == "project image\n"
    assert not [entry for entry in config["config"]["Env"] if "WHO" in entry or "WHAT" in entry]


def test_buildkits_attestations_are_children_of_the_index(site: Site, project: Project) -> None:
    root = project(samples.hello(), "attestations: {provenance: max}\n")
    image = site.run("push", "--json", cwd=root).json["images"][0]
    index = json.loads(crane("manifest", image["reference"]))
    kinds = [one.get("annotations", {}).get("vnd.docker.reference.type") for one in index["manifests"]]
    assert kinds == [None, "attestation-manifest"]
    assert (
        index["manifests"][1]["annotations"]["vnd.docker.reference.digest"] == index["manifests"][0]["digest"]
    )
    name = image["reference"].partition("@")[0].rpartition(":")[0]
    statement = json.loads(crane("manifest", f"{name}@{index['manifests'][1]['digest']}"))
    [layer] = statement["layers"]
    provenance = json.loads(crane("blob", f"{name}@{layer['digest']}"))
    assert provenance["predicateType"].startswith("https://slsa.dev/provenance/")
    assert provenance["subject"][0]["digest"]["sha256"] == index["manifests"][0]["digest"].removeprefix(
        "sha256:"
    )
    again = site.run("push", "--json", cwd=root).json["images"][0]
    assert again["index"] == image["index"]


def test_this_machines_authorities_are_not_in_images(site: Site, project: Project) -> None:
    """Neither what Debian's package makes of them, nor a RUN that looks."""
    places = "/usr/local/share/ca-certificates /etc/ssl/certs"
    root = project({})
    dockerfile(root, "app", samples.DEBIAN + f"RUN find {places} -type f -o -type l > /seen || true\n")
    reference, _ = built(site, root, "app")
    listed = subprocess.run(
        ["sh", "-c", f"{crane_export(reference)} | tar -t"], env=environment(), capture_output=True, text=True
    )
    names = {path.name for path in Path("/usr/local/share/ca-certificates").glob("*.crt")}
    for text in (content(reference, "seen"), listed.stdout):
        assert not [name for name in names if Path(name).stem in text]
