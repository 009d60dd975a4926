"""verify: signatures checked in process, from the registry alone."""

from __future__ import annotations

import argparse
import os
from functools import partial
from typing import Any

from pipeline.errors import Exit, RegistryError, UsageError
from pipeline.model import Reference
from pipeline.policy import ci_tag
from pipeline.registry import Registry
from pipeline.registry.together import each
from pipeline.trust import PublicKey
from pipeline.trust import verify as check

from . import loop, show
from .assemble import access, read_plan
from .place import place
from .progress import Progress
from .revision import read_revision
from .signing import signing


def verify(options: argparse.Namespace) -> int:
    """Check each reference; raises SignatureRefused (exit code 7) for the first that is not signed."""
    found = loop.run(partial(_verify, options))
    if options.json:
        show.data(found)
    else:
        for one in found:
            kinds = ", ".join(
                kind.rpartition("/")[2] if "cosign" not in kind else kind for kind in one["statements"]
            )
            show.out(f"verified  {one['reference']}\n          signed with {one['key']}; says: {kinds}\n")
    return Exit.OK


async def _verify(options: argparse.Namespace) -> list[dict[str, Any]]:
    async with place(options, Progress()) as here, Registry(access()) as registry:
        key = _key(options, here)
        references = [_parse(text) for text in options.references] or _of_revision(options, here)

        async def one(reference: Reference) -> dict[str, Any]:
            descriptor = await registry.head(reference)
            if descriptor is None:
                raise RegistryError(
                    f"{reference} does not exist", hint="lockage run; or name another reference"
                )
            found = await check(registry, reference.repository, descriptor.digest, key)
            where = reference.repository.at(descriptor.digest)
            return {"reference": str(where), "key": key.origin, **found.to_json()}

        return await each(one, references)


def _key(options: argparse.Namespace, here) -> PublicKey:
    if options.key is None:
        return signing(os.environ, here.data).key
    try:
        return PublicKey(options.key.read_bytes(), str(options.key))
    except OSError as fault:
        raise UsageError(f"cannot read the key {options.key}: {fault.strerror}") from None


def _parse(text: str) -> Reference:
    try:
        reference = Reference.parse(text)
    except ValueError as fault:
        raise UsageError(str(fault)) from None
    return reference.by_digest if reference.digest else reference


def _of_revision(options: argparse.Namespace, here) -> list[Reference]:
    made = read_plan(options, here.lock.read())
    revision = read_revision(options.root, os.environ)
    first = made.project.environments[0]
    out = []
    for _, group in made.groups():
        repository = made.project.repository(first, group[0].image, embedded=here.host)
        out.append(repository.tagged(ci_tag(revision, group[0].tags[0])))
    return out
