"""promote: what one environment holds of a revision, under the tags of another; looked at first, then done."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from functools import partial

from pipeline.errors import Exit, UsageError
from pipeline.policy import Revision
from pipeline.registry.together import each
from pipeline.release import Promotion, perform
from pipeline.run.channels import environment, plan_promotions

from . import loop, show
from .assemble import workshop
from .place import place
from .progress import Progress
from .revision import read_revision


def promote(options: argparse.Namespace) -> int:
    """Print what is (or with `--plan` would be) written; verified first, tags last."""
    done = loop.run(partial(_promote, options))
    if options.json:
        show.data([p.to_json() for p in done])
        return Exit.OK
    for promotion in done:
        for move in promotion.moves:
            before = move.before.short if move.before else "nothing"
            show.out(f"{move.reference}  {before} -> {promotion.digest.short}\n")
        for reference in promotion.in_place:
            show.out(f"{reference}  in place\n")
    moves = sum(len(p.moves) for p in done)
    show.say(f"{moves} tags {'would be' if options.plan else ''} written".replace("  ", " "))
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
    async with place(options, report) as here, workshop(options, here, report) as shop:
        shop = replace(shop, revision=_revision(options))
        known = shop.plan.project.environments
        origin, to = environment(known, options.origin or known[0].name), environment(known, options.to)
        assert origin and to, "both have a name"
        planned = await plan_promotions(shop, origin, to)
        if not options.plan:
            await each(partial(perform, shop.registry), planned)
        return planned
