"""Where a file of rules, or lockage.yml, names the key or trusted root of a signer."""

from __future__ import annotations

from functools import reduce
from typing import Any

from pipeline.errors import Problem
from pipeline.util.suggest import dotted

from ..yaml import YamlProblem, load

_KEYS = ("key", "trusted_root")


def unreadable(content: bytes, path: str, name: str, reason: str) -> Problem:
    """The problem of a key or trusted root that cannot be read, at the first place where the content of `path` names
    it."""
    message = f"{name} cannot be read: {reason}"
    try:
        document = load(content, path)
        places = document.positions().values
    except YamlProblem:
        return Problem(path, 0, 0, "signers", message)
    for location, (line, column) in places.items():
        if location[-1:] and location[-1] in _KEYS and reduce(_step, location, document.value) == name:
            return Problem(path, line, column, dotted(location), message)
    return Problem(path, 0, 0, "signers", message)


def _step(value: Any, step: str | int) -> Any:
    return value[step]
