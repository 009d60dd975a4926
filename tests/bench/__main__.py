"""`tests/bench/run [NAME…]`: run the benchmarks that are asked for and print their figures."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from typing import NamedTuple

from .clock import Failed
from .figures import Figure, as_json, table
from .stand import Stand


class Bench(NamedTuple):
    """The module that measures, below this folder, and what it measures."""

    module: str
    text: str


_BENCHES = {
    "startup": Bench("startup", "the program's start against a bare interpreter's"),
    "mainjob": Bench("mainjob", "the main job cold, and again with nothing changed"),
    "promotion": Bench("registry.promotion", "a promotion against crane copy of the same image"),
    "many": Bench("registry.many", "a hundred signed images promoted together, beside regctl"),
    "registry": Bench(
        "registry.client", "push, retag and copies by the registry client against crane and regctl"
    ),
    "catalogue": Bench(
        "plan.catalogue",
        "a catalogue of 5,000 targets planned and written, beside docker buildx bake --print",
    ),
    "fleet": Bench(
        "fleet", "a hundred targets with nothing to do, after their first run (ten minutes and more)"
    ),
    "judge": Bench("judge", "10,000 findings judged, and written in every format of reports"),
    "verify": Bench("registry.verify", "one signed image and a hundred verified, beside cosign"),
    "retention": Bench("registry.retention", "a plan of retention over 10,000 tags, known and unknown"),
    "module": Bench(
        "module", "the Dagger module, unchanged and after an edit, beside a module of one function"
    ),
    "setup": Bench("setup", "up, up again and down, with a warm cache"),
    "coldbuild": Bench(
        "builds.coldbuild",
        "the catalogue built from nothing, beside BuildKit on the same Dockerfiles (ten minutes and more)",
    ),
    "small": Bench(
        "builds.small", "150 small images built from nothing, beside BuildKit (five minutes and more)"
    ),
    "chain": Bench(
        "builds.chain",
        "the catalogue through the whole chain from nothing, beside the tools' own programs (ten minutes)",
    ),
    "building": Bench(
        "builds.building",
        "a layer of 1 GiB, a sparse file and a rebuild on warm daemons, beside BuildKit (ten minutes and more)",
    ),
    "nothing": Bench(
        "nothing",
        "everything from nothing: packages, compilers' caches, tools, images (twenty minutes or more)",
    ),
}
_DEFAULT = ("startup", "mainjob", "promotion", "registry", "catalogue", "judge", "verify", "setup")


def main() -> int:
    """Measure, then print a table or JSON on stdout; progress goes to stderr."""
    lines = "\n".join(f"  {name:<10} {bench.text}" for name, bench in _BENCHES.items())
    parser = argparse.ArgumentParser(
        prog="tests/bench/run", description=lines, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: {', '.join(_DEFAULT)}")
    parser.add_argument("--json", action="store_true", help="figures as JSON on stdout")
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="rounds of short things (9)")
    parser.add_argument("--from-nothing", action="store_true", help="the benchmark `nothing` as well")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in _BENCHES]:
        parser.error(f"no benchmark is called {unknown[0]}: {', '.join(_BENCHES)}")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    names = list(options.names or (() if options.from_nothing else _DEFAULT))
    if options.from_nothing and "nothing" not in names:
        names.append("nothing")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: the stand is taken down
    figures: list[Figure] = []
    status = 0
    with Stand(options.rounds) as stand:
        machine = stand.machine()
        for name in names:
            try:
                figures += importlib.import_module(f".{_BENCHES[name].module}", __package__).measure(stand)
            except Failed as fault:
                sys.stderr.write(f"{name}: {fault}\n")
                status = 1
    sys.stdout.write(as_json(machine, figures) if options.json else table(machine, figures))
    return status


if __name__ == "__main__":
    sys.exit(main())
