"""What can be said on the command line. Commands are imported when they are called, not when they are listed."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path

_EPILOG = """\
the stages in order: build, scan, sbom, test, push, sign, promote; each command does what comes before it
and is not known yet. Targets are named by image (python), tag (python:3.11) or id (python/3.11.2/linux-amd64).

  lockage run                   everything, for the whole catalogue
  lockage run python --to prod  one image and what it stands on, promoted to prod
  lockage plan --json           what would be done, as data
  lockage status                engine, registry, and which way they run
"""

_STAGES = {
    "build": "build targets and push them, by digest, to the repository of builds",
    "scan": "look for vulnerabilities and secrets in every target, and judge",
    "sbom": "list the packages of every target (CycloneDX, SPDX, syft)",
    "test": "run the structure tests of every target",
    "push": "bring what passed its gates to the first environment, as an index",
    "sign": "sign what was pushed, and attest its bill of materials and findings",
}


def make_parser() -> argparse.ArgumentParser:
    """The parser; every command sets `command` to a function of the parsed options."""
    parser = argparse.ArgumentParser(
        prog="lockage",
        description="Takes a folder of image descriptions through build, scan, SBOM, test, push, sign and promote.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-C", dest="root", metavar="DIR", type=Path, default=Path(), help="run as if started in DIR"
    )
    parser.add_argument(
        "-v", dest="verbose", action="store_true", help="more detail, and tracebacks of errors"
    )
    parser.add_argument("--version", action="version", version=_LazyVersion())
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _run_commands(commands)
    _catalogue_commands(commands)
    _trust_commands(commands)
    _lab_commands(commands)
    return parser


def _run_commands(commands) -> None:
    run = _command(commands, "run", "stages:run", "every stage for every target, up to a promotion")
    _targets(run)
    _running(run)
    run.add_argument(
        "--to", metavar="ENV", help="environment to promote to (default: the second one in lockage.yml)"
    )
    for name, text in _STAGES.items():
        stage = _command(commands, name, f"stages:{name}", text)
        _targets(stage)
        _running(stage)
    promote = _command(
        commands, "promote", "promote:promote", "give a digest the tags of another environment"
    )
    _targets(promote)
    promote.add_argument(
        "--from", dest="origin", metavar="ENV", help="environment to take from (default: the first)"
    )
    promote.add_argument("--to", metavar="ENV", required=True, help="environment to promote to")
    promote.add_argument(
        "--revision", metavar="SHA", help="commit whose ci- tags to take (default: the current one)"
    )
    promote.add_argument("--plan", action="store_true", help="say what would be written, and write nothing")


def _catalogue_commands(commands) -> None:
    plan = _command(commands, "plan", "catalogue:plan", "what there is to build: targets, bases, tags, keys")
    _targets(plan)
    generate = _command(
        commands, "generate", "catalogue:generate", "write Dockerfiles, tests and rootfs to dist/"
    )
    _targets(generate)
    generate.add_argument("--check", action="store_true", help="say what would change, and write nothing")
    generate.add_argument(
        "--output", metavar="DIR", type=Path, default=Path("dist"), help="folder (default: dist)"
    )
    graph = _command(commands, "graph", "catalogue:graph", "what stands on what")
    _targets(graph)
    graph.add_argument("--format", choices=("text", "json", "dot", "mermaid"), default="text")
    lock = _command(commands, "lock", "lock:lock", "pin external bases and tools by digest in lockage.lock")
    lock.add_argument(
        "--check", action="store_true", help="say what is missing or has moved, and write nothing"
    )


def _trust_commands(commands) -> None:
    verify = _command(commands, "verify", "verify:verify", "check signatures, without an engine")
    verify.add_argument(
        "references", nargs="*", metavar="IMAGE", help="references (default: all of this revision)"
    )
    verify.add_argument("--key", metavar="FILE", type=Path, help="public key (default: this site's)")


def _lab_commands(commands) -> None:
    for name, text in {
        "up": "start the engine and the registry, or one of them",
        "down": "stop them; what they hold is kept",
        "status": "which way engine and registry run, and how they are",
    }.items():
        command = _command(commands, name, f"lab:{name}", text)
        command.add_argument("daemon", nargs="?", choices=("engine", "registry"), help="only this one")
        if name == "down":
            command.add_argument("--force", action="store_true", help="although a run uses them")
    env = _command(commands, "env", "lab:env", "variables for the dagger CLI, as shell exports")
    env.set_defaults(shell=True)


def _command(commands, name: str, where: str, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument("--json", action="store_true", help="data as JSON on stdout")
    parser.set_defaults(
        command=_later(where), name=name, targets=[], platform=[], only=[], jobs=None, fresh=False
    )
    return parser


def _targets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="images, tags or ids (default: all)")
    parser.add_argument(
        "--platform", action="append", default=[], metavar="OS/ARCH", help="only this platform"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="ID", help="only this target, by its id"
    )


def _running(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fresh", action="store_true", help="build although the key is known")
    parser.add_argument("--jobs", "-j", type=_positive, default=None, metavar="N", help="how much at once")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _later(where: str) -> Callable[[argparse.Namespace], int]:
    module, function = where.split(":")

    def call(options: argparse.Namespace) -> int:
        return getattr(importlib.import_module(f"pipeline.cli.{module}"), function)(options)

    return call


class _LazyVersion(str):
    """The version, looked up when it is asked for."""

    def __str__(self) -> str:
        from importlib.metadata import version

        return f"lockage {version('lockage')}"

    def __mod__(self, other: object) -> str:
        return str(self)
