"""What changed: the catalogue as git knows it at a commit, or a list of names; and the part of a plan it touches."""

from __future__ import annotations

import argparse
import os
import posixpath
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.plan import matching

from . import output
from .git_history import PATHS, since

if TYPE_CHECKING:
    from pipeline.plan import Impact, Plan

_MAX_NAMES = 64 * 1024 * 1024
_QUOTED = re.compile(r"\\([0-7]{3}|.)")
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def narrowed(options: argparse.Namespace, plan: Plan, whole: Callable[[], Plan]) -> Plan:
    """The part of a plan that the changes of the options touch, with what it stands on.

    `whole` gives the plan of everything, without a snapshot. What is touched is worked out once, told on
    stderr, and kept in `options.impact`: a lock that is written on the way is no change. Raises UsageError.
    """
    from pipeline.plan import restricted

    if options.impact is None:
        options.impact = impact(options, whole())
        _tell(options.impact)
    touched = {a.id for a in options.impact.affected}
    patterns = options.only or options.targets
    wanted = matching(plan, patterns) if patterns else (t.id for t in plan.targets)
    return restricted(plan, touched.intersection(wanted))


def impact(options: argparse.Namespace, plan: Plan) -> Impact:
    """What the changes of the options touch. Raises UsageError, EnvironmentProblem."""
    from pipeline.plan import affected_by, affected_since

    if options.affected is not None:
        return affected_since(plan, since(options.root, options.affected))
    names = listed(_read(options.root, options.changed_files_from))
    own = [name for name in names if name.split("/", 1)[0] in PATHS]
    if names and not own:
        output.say(
            f"none of {len(names)} names is one of the catalogue's: they count from the folder of lockage.yml"
        )
    return affected_by(plan, own)


def listed(content: bytes) -> tuple[str, ...]:
    """Names of files, one a line as git writes them, or between NULs. Raises UsageError for an absolute name."""
    if b"\0" in content:
        names = [os.fsdecode(name) for name in content.split(b"\0")]
    else:
        names = [_unquoted(os.fsdecode(line.rstrip(b"\r"))) for line in content.split(b"\n")]
    out = []
    for name in filter(None, names):
        if name.startswith("/"):
            raise UsageError(
                f"{name[:200]!r} is absolute",
                hint="name files from the folder of lockage.yml: git diff --relative",
            )
        out.append(posixpath.normpath(name))
    return tuple(dict.fromkeys(out))


def _read(root: Path, name: str) -> bytes:
    try:
        if name == "-":
            content = sys.stdin.buffer.read(_MAX_NAMES + 1)
        else:
            with (root / name).open("rb") as file:
                content = file.read(_MAX_NAMES + 1)
    except OSError as fault:
        raise UsageError(f"--changed-files-from: {name}: {fault.strerror}") from None
    if len(content) > _MAX_NAMES:
        raise UsageError(f"--changed-files-from: {name} holds more than {_MAX_NAMES // 1024**2} MiB of names")
    return content


def _unquoted(line: str) -> str:
    """A name as git writes it when it holds anything unusual: in quotes, bytes in octal."""
    if len(line) < 2 or line[0] != '"' or line[-1] != '"':
        return line

    def one(match: re.Match[str]) -> str:
        what = match[1]
        return chr(int(what, 8) & 0xFF) if len(what) == 3 else _LETTERS.get(what, what)

    inner = "".join(part if part.isascii() else os.fsencode(part).decode("latin-1") for part in line[1:-1])
    return os.fsdecode(_QUOTED.sub(one, inner).encode("latin-1"))


def _tell(found: Impact) -> None:
    for note in found.notes:
        output.say(f"note: {note}")
    for identity in found.removed:
        output.say(f"no longer there: {identity}")
    if not found.affected:
        output.say("nothing is affected")
