"""promote: what one environment holds of a revision, under the tags of another; looked at first, then done."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from functools import partial

from pipeline.errors import Exit, UsageError
from pipeline.policy import Revision
from pipeline.release.environments import environment, plan_promotions
from pipeline.run.publish.promotion import Promotion, perform
from pipeline.util.concurrency import each

from .. import output, signals
from ..context import run_context
from ..instance_session import instance_session
from ..progress import Progress
from ..revision import read_revision


def promote(options: argparse.Namespace) -> int:
    """Print what is (or with `--plan` would be) written; verified first, tags last."""
    done = signals.run(partial(_promote, options))
    if options.json:
        output.data([p.to_json() for p in done])
        return Exit.OK
    for promotion in done:
        for move in promotion.moves:
            before = move.before.short if move.before else "nothing"
            output.out(f"{move.reference}  {before} -> {promotion.digest.short}\n")
        for reference in promotion.in_place:
            output.out(f"{reference}  in place\n")
    moves = sum(len(p.moves) for p in done)
    output.say(f"{moves} tags {'would be' if options.plan else ''} written".replace("  ", " "))
    return Exit.OK


def _revision(options: argparse.Namespace) -> Revision:
    if options.revision is None:
        return read_revision(options.root, os.environ)
    try:
        return Revision(options.revision)
    except ValueError as fault:
        raise UsageError(str(fault), hint="--revision takes a whole commit id: git rev-parse HEAD") from None


async def _promote(options: argparse.Namespace) -> list[Promotion]:
    report = Progress()
    async with instance_session(options, report) as here, run_context(options, here, report) as context:
        context = replace(context, revision=_revision(options))
        known = context.plan.project.environments
        origin, to = environment(known, options.origin or known[0].name), environment(known, options.to)
        assert origin and to, "both have a name"
        planned = await plan_promotions(context, origin, to)
        if not options.plan:
            await each(partial(perform, context.registry), planned)
        return planned
