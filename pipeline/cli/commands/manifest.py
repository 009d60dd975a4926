"""manifest: the platforms that runners pushed become one index for each image tag; no engine is needed."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from pipeline.errors import Exit, UsageError
from pipeline.run.platform_refs import MAX_BYTES, collect
from pipeline.run.publish.fan_in import Merged
from pipeline.run.publish.fan_in import manifest as merge

from .. import output, signals
from ..context import run_context
from ..instance_session import instance_session
from ..progress import Progress


def manifest(options: argparse.Namespace) -> int:
    """Merge, and print a line for each index: its reference by digest, its platforms."""
    done = signals.run(partial(_manifest, options))
    if options.json:
        output.data([one.to_json() for one in done])
    else:
        for one in done:
            output.out(f"{one.reference}  {', '.join(str(platform) for platform, _ in one.children)}\n")
    for one in done:
        if one.missing:
            output.say(
                f"warning: {one.image}:{one.tag} was merged without {', '.join(map(str, one.missing))}"
            )
    output.say(f"{len(done)} indexes in place; {sum(len(one.written) for one in done)} tags written")
    return Exit.OK


async def _manifest(options: argparse.Namespace) -> list[Merged]:
    files = [path for group in options.files for path in group]
    refs = collect({str(path): _read(path) for path in files}) if files else None
    with Progress() as report:
        async with (
            instance_session(options, report) as here,
            run_context(options, here, report, keys=True) as context,
        ):
            return await merge(context, refs, allow_missing=options.allow_missing)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as fault:
        raise UsageError(
            f"{path} cannot be read: {fault.strerror}", hint="`lockage push --refs FILE` writes one"
        ) from None
