"""Bad input and bad days: one clear error each, its own exit code, nothing half written, a rerun completes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import ROOT, Site
from tests.real.tools import tags
from tests.tools.git import commit
from tests.tools.ports import free_port

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"images/hello/image.yml": "tags: [1.0.0]\nvarients: []\n"},
            ["images/hello/image.yml:2:1", "varients", "variants"],
        ),
        (
            {"images/hello/Dockerfile.tmpl": samples.DEBIAN + "\nRUN echo {{ versions.pyhton }}\n"},
            ["images/hello/Dockerfile.tmpl:3", "pyhton"],
        ),
        (
            {
                "images/hello/Dockerfile.tmpl": "FROM other:1.0.0\n",
                "images/other/image.yml": samples.image("1.0.0"),
                "images/other/Dockerfile.tmpl": "FROM hello:1.2.3\n",
            },
            ["hello:1.2.3", "other:1.0.0", "cycle"],
        ),
        (
            {"images/hello/Dockerfile.tmpl": "FROM debain:bookworm-slim\n"},
            ["images/hello/Dockerfile.tmpl:1", "debain", "debian:bookworm-slim"],
        ),
    ],
    ids=["unknown-key", "undefined-variable", "cycle", "unknown-base"],
)
def test_what_is_wrong_in_the_catalogue_is_said_with_its_place(
    site: Site, project: Callable[..., Path], files: dict[str, str], expected: list[str]
) -> None:
    root = project({**samples.hello(), **files})
    for command in ("plan", "run"):
        done = site.run(command, cwd=root, expect=3)
        assert all(part in done.err for part in expected), done.err
        assert "Traceback" not in done.err and done.out == ""
    problems = site.run("plan", "--json", cwd=root, expect=3).json["error"]["problems"]
    assert problems and all("path" in p and "message" in p for p in problems)


def test_a_failing_instruction_is_named_with_its_last_words(site: Site, project: Callable[..., Path]) -> None:
    root = project(
        {
            **samples.hello(),
            "images/hello/Dockerfile.tmpl": "{# a comment of the template #}\n"
            + samples.DEBIAN
            + "RUN echo started; echo last words >&2; exit 9\n",
            "images/child/image.yml": samples.image("1.0.0"),
            "images/child/Dockerfile.tmpl": "FROM hello:1.2.3\n",
        }
    )
    done = site.run("run", "--json", cwd=root, expect=6)
    assert {t["image"]: t["status"] for t in done.json["targets"]} == {"hello": "failed", "child": "aborted"}
    for part in ("hello/1.2.3/linux-amd64", "exit code: 9", "last words", "images/hello/Dockerfile.tmpl:3"):
        assert part in done.err, done.err


def test_a_registry_that_is_down_is_tried_again_then_said_once(
    site: Site, project: Callable[..., Path]
) -> None:
    root = project(samples.hello())
    settings = root / "lockage.yml"
    settings.write_text(settings.read_text() + f"registry: localhost:{free_port()}/team\n")
    commit(root)
    done = site.run("run", cwd=root, expect=5)
    assert "cannot reach" in done.err and "Traceback" not in done.err


def test_an_engine_that_refuses_is_an_error_and_not_a_wait(site: Site, project: Callable[..., Path]) -> None:
    root = project(samples.hello())
    done = site.run(
        "build",
        cwd=root,
        expect=4,
        LOCKAGE_ENGINE=f"tcp://127.0.0.1:{free_port()}",
        LOCKAGE_CONNECT_LIMIT="20",
    )
    assert "no session with the Dagger engine at tcp://127.0.0.1" in done.err and "next: " in done.err


def test_an_engine_that_does_not_answer_is_an_error_and_not_a_wait(
    site: Site, project: Callable[..., Path]
) -> None:
    root = project(samples.hello())
    with silent_server() as port:
        done = site.run(
            "build", cwd=root, expect=4, LOCKAGE_ENGINE=f"tcp://127.0.0.1:{port}", LOCKAGE_CONNECT_LIMIT="5"
        )
    assert "no answer within 5 s" in done.err


@pytest.mark.parametrize("moment", ["build", "scan", "sign", "promote"])
def test_stopping_anywhere_leaves_all_usable_and_a_rerun_completes(
    site: Site, project: Callable[..., Path], moment: str
) -> None:
    root = project({**samples.hello(), **samples.hello("second", "hello:1.2.3")})
    process = subprocess.Popen(
        site.command("run"),
        cwd=root,
        env={**site.env, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    lines = []
    for line in process.stderr:
        lines.append(line)
        if f" {moment} " in line:
            process.send_signal(signal.SIGINT)
            break
    _, rest = process.communicate(timeout=120)
    assert process.returncode == 130, "".join(lines) + rest
    assert "run the same command again" in rest and "Traceback" not in rest
    daemons = {d["name"]: d for d in site.run("status", "--json").json["daemons"]}
    assert all(d["state"] == "running" and d["answers"] for d in daemons.values())
    assert site.run("status", "--json").json["users"] == []

    again = site.run("run", "--json", cwd=root)
    assert all(t["status"] in ("built", "reused") for t in again.json["targets"])
    assert all(i["signed"] and len(i["promoted"]) == 3 for i in again.json["images"])
    assert site.run("run", "--json", cwd=root).json["engine_used"] is False


def test_kill_in_the_middle_moves_no_tag_to_anything_incomplete(
    site: Site, project: Callable[..., Path]
) -> None:
    root = project(samples.hello())
    process = subprocess.Popen(
        site.command("run"),
        cwd=root,
        env={**site.env, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    for line in process.stderr:
        if " sign " in line:
            os.kill(process.pid, signal.SIGKILL)
            break
    process.wait()
    name = next(
        line.split()[1]
        for line in (root / "lockage.yml").read_text().splitlines()
        if line.startswith("project:")
    )
    assert tags(f"{site.registry}/{name}/dev/hello") == set()
    assert site.run("run", "--json", cwd=root).json["images"][0]["signed"] is True


@contextmanager
def silent_server() -> Iterator[int]:
    """Somebody who takes connections and never says a word."""
    held = []
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def accept() -> None:
            while True:
                try:
                    held.append(server.accept())
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    for connection, _ in held:
        connection.close()
