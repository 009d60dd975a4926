"""promote: what one environment holds of a revision, under the tags of another; looked at first, then done."""

from __future__ import annotations

import argparse
import os
from functools import partial

from pipeline.errors import Exit, RegistryError, UsageError
from pipeline.policy import Revision, ci_tag
from pipeline.registry import Registry
from pipeline.registry.together import each
from pipeline.release import Promotion, perform, plan_promotion
from pipeline.trust import verify

from . import loop, show
from .assemble import access, read_plan
from .place import place
from .progress import Progress
from .revision import read_revision
from .signing import signing
from .stages import environment


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
    async with place(options, report) as here, Registry(access()) as registry:
        made = read_plan(options, here.lock.read())
        known = made.project.environments
        origin = environment(known, options.origin or known[0].name)
        to = environment(known, options.to)
        assert origin and to
        if origin == to:
            raise UsageError(f"{to.name} is where the images are taken from", hint="--to another environment")
        key = signing(os.environ, here.data).key
        revision = _revision(options)

        async def look(group) -> Promotion:
            image, tags = group[0].image, group[0].tags
            source = made.project.repository(origin, image, embedded=here.host)
            tag = ci_tag(revision, tags[0]) if origin == known[0] else tags[0]
            found = await registry.head(source.tagged(tag))
            if found is None:
                raise RegistryError(
                    f"No CI image found for commit {revision.label}: {source.tagged(tag)} does not exist",
                    hint="lockage run, or --revision with the commit that was built",
                )
            await verify(registry, source, found.digest, key)
            destination = made.project.repository(to, image, embedded=here.host)
            return await plan_promotion(registry, source, found.digest, destination, tags)

        planned = await each(look, [group for _, group in made.groups()])
        if not options.plan:
            await each(partial(perform, registry), planned)
        return planned
