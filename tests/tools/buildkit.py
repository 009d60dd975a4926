"""BuildKit's own parser as a judge: what it makes of a Dockerfile, and of a word with variables."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import anyio

from pipeline.lab import Settings, ensure
from pipeline.lab.recipes import GoTool

PARSER = GoTool(
    "dockerfile-parser",
    "0.32.2",
    (".",),
    minutes=0.5,
    folder=Path(__file__).parent / "dockerfile-parser",
)


@cache
def program() -> Path:
    """The parser's binary, made on first use; in a thread, for a loop may be running here."""
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(anyio.run, ensure, PARSER, Settings.from_env(os.environ))
        return made.result() / PARSER.name


def read(texts: Iterable[str], platforms: Iterable[str] = ("linux/amd64",)) -> list[dict[str, Any]]:
    """What each Dockerfile is to BuildKit: `parse` or `meaning` if it is refused, `instructions`, and for each
    of `platforms` the images it `uses`, and the variables that were `unset`."""
    on = list(platforms)
    return _ask({"dockerfile": text, "platforms": on} for text in texts)


def expand(words: Iterable[str], values: Mapping[str, str], escape: str = "\\") -> list[dict[str, Any]]:
    """Each word as `text` with its variables replaced, or its `error`; `unset` are those without a value."""
    [found] = _ask([{"words": list(words), "values": dict(values), "escape": escape}])
    return found


def _ask(requests: Iterable[Mapping[str, Any]]) -> list[Any]:
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([program()], input=lines.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]
