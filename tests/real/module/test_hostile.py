"""The Dagger module on a hostile catalogue: what a terminal and a CI's log get from `dagger call`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import samples
from tests.tools.ci.ci_logs import commands, hidden

from .test_module import Dagger, call, dagger

__all__ = ["dagger"]
pytestmark = pytest.mark.real

LINK = "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\"
EVIL = f"evil\x1b[31m{LINK}\x07\x9b2J\u202e\n::error::owned\r##[group]y\n##vso[z]\nsection_start:1:s\r\x1b[0K"
QUOTED = json.dumps(EVIL)
TESTS = f"""\
schemaVersion: 2.0.0
commandTests:
  - name: {QUOTED}
    command: cat
    args: [/etc/evil]
    expectedOutput: ["never"]
"""


def _printed(name: str) -> str:
    """A command that prints what is hostile, and leaves it as a file's name and content."""
    text = "".join(f"\\{byte:03o}" for byte in EVIL.encode())
    return f"printf '{text}' | tee /etc/{name} >&2; cat /etc/{name}"


CHECKS = f"""\
versions: {{x: {QUOTED}}}
checks:
  shouts: {{command: [sh, -c, {json.dumps(_printed("again") + "; exit 4")}]}}
  dies:
    command: ["true"]
    service: {{args: [sh, -c, {json.dumps(_printed("dying") + "; exit 5")}], ports: [8080]}}
"""
CATALOGUE = {
    "images/breaks/image.yml": samples.image("1.0.0"),
    "images/breaks/Dockerfile.tmpl": f"{samples.DEBIAN}RUN {_printed('evil')}; : '##[group]y \u202e'; exit 3\n",
    "images/speaks/image.yml": samples.image("1.0.0", extra=CHECKS),
    "images/speaks/Dockerfile.tmpl": f"{samples.DEBIAN}RUN {_printed('evil')}\n",
    "images/speaks/test.yml.tpl": TESTS,
    f"images/speaks/rootfs/srv/{EVIL.replace('/', '')}": "x",
}


def _inert(text: str) -> str:
    """A text that neither a terminal nor a CI acts on; Dagger colours its own lines, which is left out."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    bad = [line for line in text.split("\n") if hidden(line, but="\t") or commands(line)]
    assert not bad, "\n".join(map(repr, bad[:40]))
    return text


def test_what_a_module_says_of_a_hostile_catalogue_controls_nothing(
    dagger: Dagger, project: Callable[..., Path]
) -> None:
    """Output of RUN, tests, checks and services, names and values; Dagger prints what commands print as it is."""
    root = project(CATALOGUE)
    closed = dagger(*call("test"), cwd=root, expect=1)
    output = _inert(closed.out + closed.err)
    for part in (
        "Command Test: evil",
        "shouts: exited with 4",
        "the service printed:",
        'process "/bin/sh -c printf',
    ):
        assert part in output, output
    planned = dagger(*call("plan"), cwd=root)
    assert json.loads(_inert(planned.out)) and _inert(planned.err)
