"""What commands have in common: how one is registered, and the options several understand."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any


def command(commands: Any, name: str, where: str, text: str) -> argparse.ArgumentParser:
    """A command with `--json`; `where` is `module:function` of this package, imported when it is called."""
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument("--json", action="store_true", help="data as JSON on stdout")
    parser.set_defaults(
        command=_later(where),
        name=name,
        targets=[],
        platform=[],
        only=[],
        jobs=None,
        fresh=False,
        pull=False,
        emulate=False,
        shard=None,
        refs=None,
        engine=[],
        locked=False,
        snapshot_id=None,
        affected=None,
        changed_files_from=None,
        impact=None,
    )
    return parser


def targets(parser: argparse.ArgumentParser) -> None:
    """Which targets: by name, platform or id."""
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="images, tags or ids (default: all)")
    parser.add_argument(
        "--platform", action="append", default=[], metavar="OS/ARCH", help="only this platform"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="ID", help="only this target, by its id"
    )
    parser.add_argument(
        "--shard", type=_shard, metavar="I/N", help="only part I of N, with what it stands on"
    )
    parser.add_argument(
        "--code-quality",
        metavar="FILE",
        help="problems of the catalogue as GitLab's report (artifacts: codequality)",
    )
    change = parser.add_mutually_exclusive_group()
    change.add_argument(
        "--affected", metavar="COMMIT", help="only what differs since this commit, and what stands on it"
    )
    change.add_argument(
        "--changed-files-from",
        metavar="FILE",
        help="only what reads one of these files, a name a line (- is stdin), and what stands on it",
    )


def locked(parser: argparse.ArgumentParser) -> None:
    """Nothing that is not pinned, and no pin made on the way."""
    parser.add_argument(
        "--locked", action="store_true", help="the lock must be complete; it is never written"
    )


def snapshot(parser: argparse.ArgumentParser) -> None:
    """Tags of their own for a merge request or a try."""
    parser.add_argument(
        "--snapshot-id", metavar="ID", help="every tag gets -ID at its end, in FROM too; no aliases"
    )


def running(parser: argparse.ArgumentParser) -> None:
    """How a run goes about its work."""
    parser.add_argument(
        *("--fresh", "--no-cache"),
        action="store_true",
        help="build although the key is known, without any cache",
    )
    parser.add_argument(
        "--pull", action="store_true", help="look up the bases' tags anew, and pin them where they have moved"
    )
    parser.add_argument(
        "--emulate", action="store_true", help="run programs of other platforms by qemu (LOCKAGE_EMULATE)"
    )
    parser.add_argument(
        "--engine",
        action="append",
        default=[],
        metavar="PLATFORM=ADDRESS",
        help="the engine for a platform's targets (LOCKAGE_ENGINES, with commas)",
    )
    parser.add_argument("--jobs", "-j", type=_positive, default=None, metavar="N", help="how much at once")


def _shard(text: str) -> tuple[int, int]:
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N, such as 1/4")
    return int(number), int(count)


def refs(parser: argparse.ArgumentParser) -> None:
    """What was pushed, for another job."""
    parser.add_argument(
        "--refs", metavar="FILE", type=Path, help="write what was pushed, by digest, for `lockage manifest`"
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _later(where: str) -> Callable[[argparse.Namespace], int]:
    module, function = where.split(":")

    def call(options: argparse.Namespace) -> int:
        return getattr(importlib.import_module(f"pipeline.cli.commands.{module}"), function)(options)

    return call
