"""A longer search than the suite's: `tests/fuzz/run [TARGET …] [--seconds N]`."""

from __future__ import annotations

import argparse
import faulthandler
import os
import sys
import tempfile
import time
from pathlib import Path

from hypothesis.errors import HypothesisException

from tests.fuzz.kept import FOLDER, keep
from tests.fuzz.limits import Limits
from tests.fuzz.search import Search
from tests.fuzz.targets import TARGETS

_BATCH = 200


def main() -> int:
    """Search in each target in turn, and keep what is found."""
    parser = argparse.ArgumentParser(prog="tests/fuzz/run", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of: {', '.join(sorted(TARGETS))}")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target (default: 60)")
    parser.add_argument("--seed", type=int, help="of the first batch (default: from the clock)")
    parser.add_argument(
        "--keep", type=Path, default=FOLDER, help="where found inputs go (default: the corpus)"
    )
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    faulthandler.enable()
    limits = Limits()
    first = options.seed if options.seed is not None else time.time_ns() % 2**32
    found = 0
    for name in options.targets or sorted(TARGETS):
        with tempfile.TemporaryDirectory(prefix="lockage-fuzz-") as scratch:
            search = Search(TARGETS[name], Path(os.path.realpath(scratch)), limits)
            found += _run(search, options.seconds, first, options.keep)
    return 1 if found else 0


def _run(search: Search, seconds: float, number: int, folder: Path) -> int:
    """Search in one target; how many faults were found."""
    name = search.target.name
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        before = len(search.found)
        try:
            search.run(_BATCH, number)
        except HypothesisException as defect:
            print(f"  {name}, seed {number}: {type(defect).__name__}: {defect}", flush=True)
        for where, (content, fault) in list(search.found.items())[before:]:
            print(f"  {where}\n    kept as {keep(name, content, folder)}", flush=True)
            print("    " + "\n    ".join(str(fault).splitlines()[-6:]), flush=True)
        number += 1
    print(
        f"{name:16} {search.tried:9,} inputs {search.tried / passed:7,.0f}/s {len(search.found):3} found",
        flush=True,
    )
    return len(search.found)


if __name__ == "__main__":
    sys.exit(main())
