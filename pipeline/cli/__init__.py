"""The command line: a thin front over `run` and the rooms below it.

Data goes to stdout, progress to stderr; `--json` prints the data for machines. Nothing heavy is imported before a
command needs it: `lockage --help` costs little more than the interpreter.
"""

from __future__ import annotations

import atexit
import errno
import gc
import os
import sys
from collections.abc import Sequence

from pipeline.errors import EnvironmentProblem, Exit, Interrupted, LockageError

from .command import Invocation


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and give its exit code; the only place where an error becomes text."""
    # The parts of a plan live to the end; letting the collector visit them again and again took a third of the time.
    gc.set_threshold(300_000, 20, 50)
    # Nor does it visit what the process leaves when it ends: that was a tenth of a second of a build.
    atexit.register(gc.freeze)
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] == "__complete":  # a shell's question (`completion`)
        from .completion import complete

        return complete(given[1:])
    from .parser import parse

    invocation = parse(given)
    try:
        return invocation.run()
    except LockageError as error:
        return _report(error, invocation)
    except KeyboardInterrupt:
        hint = "run the same command again: finished work is kept"
        return _report(Interrupted("stopped", hint=hint), invocation)
    except BrokenPipeError:
        sys.stderr.close()  # the reader closed the pipe: nobody reads a message either
        return int(Exit.OK)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return _report_defect(error)
        hint = "free some space where LOCKAGE_HOME and LOCKAGE_CACHE are, then run again"
        full = EnvironmentProblem(f"a disk of this machine is full: {error.strerror}", hint=hint)
        return _report(full, invocation)
    except Exception as error:
        return _report_defect(error)


def _report(error: LockageError, invocation: Invocation) -> int:
    """Print an error, show it where the CI shows such things, and give its exit code."""
    from .output import console
    from .output.annotations import Annotations

    common = invocation.common
    console.print_error(error, as_json=common.json)
    try:
        Annotations.of(common.root, invocation.code_quality, os.environ).show_error(error)
    except LockageError as failure:  # a report that cannot be written changes neither output nor exit code
        console.print_error(failure, as_json=False)
    if common.verbose:
        console.print_traceback(error)
    return int(error.exit_code)


def _report_defect(error: Exception) -> int:
    """Print the traceback of what should not happen, as printable as every message, and give its exit code."""
    from .output import console

    console.print_traceback(error)
    return int(Exit.INTERNAL)
