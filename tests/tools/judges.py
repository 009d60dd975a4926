"""Small programs around the libraries that others judge by: a JSON value a line in, one a line out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import anyio

from pipeline.lab import LabSettings, ensure
from pipeline.lab.tools import recipes
from pipeline.lab.tools.recipes import GoTool, Tool

HERE = Path(__file__).parent

DOCKERFILES = GoTool(
    "dockerfile-parser", "0.32.2", (".",), minutes=0.5, folder=HERE / "dockerfile-parser"
)  # github.com/moby/buildkit
REFERENCES = GoTool(
    "reference-parser", "0.6.0", (".",), minutes=0.5, folder=HERE / "reference-parser"
)  # github.com/distribution/reference
KYVERNO = GoTool(
    "kubectl-kyverno",
    "1.19.1",
    ("github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno",),
    minutes=5,
    folder=HERE / "kyverno",
)  # its command line, which applies policies without a cluster
CUE = GoTool(
    "cue-validator", "0.12.1", (".",), minutes=0.5, folder=HERE / "cue-validator"
)  # cuelang.org/go, as policy-controller has it
GRYPE = recipes.tool("grype")
JUDGES = (DOCKERFILES, REFERENCES, CUE, KYVERNO, GRYPE)


@cache
def program(tool: Tool) -> Path:
    """The judge's binary, made on first use; in a thread, for a loop may be running here."""
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(anyio.run, ensure, tool, LabSettings.from_env(os.environ))
        return made.result() / tool.name


@cache
def module(name: str, folder: str) -> Path:
    """The sources of a Go module at the version that the go.mod in one of the folders here requires."""
    settings = LabSettings.from_env(os.environ)
    go = shutil.which("go", path=settings.path)
    assert go, "there is no Go on PATH"
    done = subprocess.run(
        [go, "mod", "download", "-json", name], cwd=HERE / folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(json.loads(done.stdout)["Dir"])


def ask(tool: GoTool, questions: Iterable[Any]) -> list[Any]:
    """What the judge says to each question."""
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run([program(tool)], input=lines.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]
