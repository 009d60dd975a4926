"""The command line: a thin front over `run` and the rooms below it.

Data goes to stdout, the story to stderr; `--json` makes the data a machine's. Nothing heavy is imported
before a command needs it: `lockage --help` costs little more than the interpreter.
"""

from __future__ import annotations

import errno
import gc
import sys
from collections.abc import Sequence
from typing import Any

from pipeline.errors import EnvironmentProblem, Exit, Interrupted, LockageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and give its exit code; the only place where an error becomes text."""
    from .parser import make_parser

    # what a plan is made of lives to the end; looking through all of it again and again took a third of the time
    gc.set_threshold(300_000, 20, 50)
    parser = make_parser()
    options = parser.parse_args(arguments)
    try:
        return int(options.command(options))
    except LockageError as fault:
        return _tell(fault, options)
    except KeyboardInterrupt:
        return _tell(
            Interrupted("stopped", hint="run the same command again: finished work is kept"), options
        )
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away; nobody is left to be told
        return int(Exit.OK)
    except OSError as fault:
        if fault.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        hint = "free some space where LOCKAGE_HOME and LOCKAGE_CACHE are, then run again"
        full = EnvironmentProblem(f"a disk of this machine is full: {fault.strerror}", hint=hint)
        return _tell(full, options)


def _annotate(fault: LockageError, options: Any) -> None:
    """Show a fault where the CI shows such things; a report that cannot be written is told and nothing more."""
    from .annotations import asked, tell_fault
    from .output import tell_error

    if asked(options):
        try:
            tell_fault(fault, options)
        except LockageError as another:
            tell_error(another, as_json=False)


def _tell(fault: LockageError, options: object) -> int:
    from .output import tell_error

    tell_error(fault, as_json=getattr(options, "json", False))
    _annotate(fault, options)
    if getattr(options, "verbose", False):
        import traceback

        traceback.print_exception(fault)
    return int(fault.exit_code)
