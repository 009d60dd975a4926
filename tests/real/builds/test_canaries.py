"""A word in every secret that the program takes, looked for wherever it must not be: command lines and environments of
all processes, output, JSON, layers, records, and whatever registry and engine keep on disk."""

from __future__ import annotations

import base64
import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.processes import looking_at
from tests.real.site import ROOT, Done, Site
from tests.real.tools import binary
from tests.tools.logins import environment
from tests.tools.signing.bundles import new_pair

from .test_inputs import traces

pytestmark = pytest.mark.real

# Python tells of each process that it starts, before it does (PEP 578); here to a file.
_HOOK = """\
import json, os, sys

def started(event, arguments):
    if event == "subprocess.Popen":
        _, argv, _, env = arguments
    elif event in ("os.posix_spawn", "os.exec"):
        _, argv, env = arguments
    else:
        return
    env = os.environ if env is None else env
    texts = [*map(str, argv), *(f"{name}={value}" for name, value in env.items())]
    with open(os.environ["STARTED"], "a") as file:
        file.write(json.dumps(texts) + chr(10))

sys.addaudithook(started)
"""


@dataclass
class Seen:
    """Command lines and environments of other processes, while the program ran."""

    texts: set[bytes] = field(default_factory=set)

    def holds(self, word: str) -> list[str]:
        """The texts with a word, as it is or in base64."""
        forms = [form.encode() for form in forms_of(word)]
        return [text.decode(errors="replace")[:200] for text in self.texts if any(f in text for f in forms)]


def forms_of(word: str) -> tuple[str, str]:
    """A word, and the part of its base64 that does not depend on what follows it."""
    return word, base64.b64encode(word.encode()).decode()[: len(word) // 3 * 4]


@contextmanager
def watched(command: list[str]) -> Iterator[Seen]:
    """Look at every process of the machine that does not run `command`, again and again.

    The program itself was given the secrets. So is each of its children between fork and exec, where it still shows the
    program's command line, and so is the child of the tests that is about to become the program; whatever else they
    become is looked at like everything else."""
    seen = Seen()
    program = b"".join(argument.encode() + b"\0" for argument in command)

    def look(process: Path) -> None:
        before = (process / "cmdline").read_bytes()
        environ = (process / "environ").read_bytes()
        after = (process / "cmdline").read_bytes()
        if program not in (before, after):
            seen.texts |= {before, environ, after}

    with looking_at(look, interval=0.02):
        yield seen


@pytest.fixture
def hook(tmp_path: Path) -> dict[str, str]:
    """Variables with which the program tells of the processes that it starts."""
    folder = tmp_path / "hook"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_HOOK)
    return {"PYTHONPATH": f"{folder}:{ROOT}", "STARTED": str(tmp_path / "started")}


def run_watched(site: Site, root: Path, arguments: list[str], given: Mapping[str, str]) -> tuple[Done, Seen]:
    """The program to its end, and what all other processes showed meanwhile."""
    command = site.command(*arguments)
    with watched(command) as seen:
        done = subprocess.run(
            command,
            cwd=root,
            env={**site.env, **given},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    return Done(done.returncode, done.stdout, done.stderr), seen


def file_system(reference: str) -> bytes:
    """An image's layers, unpacked."""
    argv = [binary("crane"), "export", reference, "-"]
    return subprocess.run(argv, env=environment(), capture_output=True, check=True).stdout


def test_no_secret_is_seen_or_kept_anywhere(
    site: Site, project: Callable[..., Path], hook: dict[str, str], tmp_path: Path
) -> None:
    pair, since = new_pair(), time.time()
    words = {
        name: f"canary{number}{uuid.uuid4().hex}"
        for number, name in enumerate(("build", "registry", "request", "job", "aws", "cloud"))
    }
    login = base64.b64encode(f"robot:{words['registry']}".encode()).decode()
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text(
        json.dumps({"auths": {"registry.example": {"auth": login}}})
    )
    given = hook | {
        "COSIGN_PRIVATE_KEY": pair.private.decode(),
        "COSIGN_PUBLIC_KEY": pair.public.decode(),
        "COSIGN_PASSWORD": pair.password,
        "DOCKER_CONFIG": str(tmp_path / "docker"),
        "BUILD_CANARY": words["build"],
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": words["request"],
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.example/",
        "GITHUB_TOKEN": words["job"],
        "CI_JOB_TOKEN": words["job"],
        "AWS_SECRET_ACCESS_KEY": words["aws"],
        "AZURE_CLIENT_SECRET": words["cloud"],
    }
    secret = (
        "RUN --mount=type=secret,id=s,required=true test -s /run/secrets/s\n"  # env= would show it, as asked
    )
    files = samples.system(base=samples.DEBIAN + secret)
    files["images/hello/image.yml"] += "secrets: [s]\n"
    root = project(files, "secrets:\n  s: {env: BUILD_CANARY}\n")

    done, seen = run_watched(site, root, ["-v", "run", "--to", "prod", "--json"], given)
    assert done.code == 0, done.err
    [image] = done.json["images"]
    assert image["promoted"] and done.json["targets"][0]["status"] == "built"
    started = Path(given["STARTED"]).read_text()
    assert "dagger" in started and any(b"dagger" in text for text in seen.texts), "both were looking"
    seen.texts.update(line.encode() for line in started.splitlines())
    broken, also = run_watched(
        site, root, ["-v", "build", "--fresh", "--json"], given | {"COSIGN_PASSWORD": "other"}
    )
    assert broken.code == 2, broken.err
    seen.texts |= also.texts

    words |= {"password": pair.password, "key": pair.private.decode().splitlines()[2]}
    files_of = file_system(image["reference"].partition("@")[0])
    for name, word in words.items():
        assert not seen.holds(word), name
        for text in (done.out, done.err, broken.out, broken.err):
            assert not any(form in text for form in forms_of(word)), name
        assert word.encode() not in files_of, name
    assert not traces(site.home, *words.values(), since=since)
