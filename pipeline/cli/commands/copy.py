"""copy: an image with its platforms and everything attached to it, from one repository to another, by digest."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from pipeline.errors import Exit, RegistryError, UsageError
from pipeline.model import Reference
from pipeline.registry import Registry

from .. import output, signals
from ..context import access
from ..references import parse


def copy(options: argparse.Namespace) -> int:
    """Copy what the first reference shows now; stdout is where it is, by digest."""
    done = signals.run(partial(_copy, parse(options.source), parse(options.destination), options))
    if options.json:
        output.data(done)
        return Exit.OK
    output.out(f"{done['reference']}\n")
    word = "in place" if done["already"] else "copied"
    output.say(
        f"{word}: {done['manifests']} manifests written, {done['mounted']} blobs mounted, {done['uploaded']} uploaded "
        f"({output.size(done['sent'])}), {len(done['referrers'])} referrers; {done['requests']} requests"
    )
    for digest in done["dangling"]:
        output.say(f"note: {digest} is listed as a referrer and is not there")
    return Exit.OK


async def _copy(source: Reference, destination: Reference, options: argparse.Namespace) -> dict[str, Any]:
    if destination.digest is not None:
        raise UsageError(
            f"{destination} has a digest, which only its content gives",
            hint="name a tag, or the repository alone",
        )
    async with Registry(access()) as registry:
        digest = source.digest
        if digest is None:
            found = await registry.head(source)
            if found is None:
                raise RegistryError(f"{source} does not exist", hint="check the name and the tag")
            digest = found.digest
        result = await registry.copy(
            source.repository,
            digest,
            destination.repository,
            tag=destination.tag,
            referrers=not options.no_referrers,
            check=options.check,
        )
        return {
            "reference": str(destination.pinned(digest)),
            "digest": str(digest),
            "already": result.already,
            "tagged": result.tagged,
            "manifests": result.manifests,
            "mounted": result.mounted,
            "uploaded": result.uploaded,
            "sent": result.sent,
            "referrers": [str(one.digest) for one in result.referrers],
            "dangling": [str(one) for one in result.dangling],
            "requests": registry.stats.total,
        }
