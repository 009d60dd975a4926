"""verify: signatures checked in process, from the registry alone."""

from __future__ import annotations

import argparse
import os
from functools import partial
from typing import Any

from pipeline.errors import Exit, UsageError
from pipeline.registry import Registry
from pipeline.release.environments import Verified, of_revision, parse, verify_references
from pipeline.trust import PublicKey

from .. import output, signals
from ..context import access, run_context
from ..instance_session import InstanceSession, instance_session
from ..progress import Progress
from ..signing_key import signing


def verify(options: argparse.Namespace) -> int:
    """Check each reference; raises SignatureRefused (exit code 7) for the first that is not signed."""
    found = signals.run(partial(_verify, options))
    if options.json:
        output.data(found)
    else:
        for one in found:
            kinds = ", ".join(
                kind.rpartition("/")[2] if "cosign" not in kind else kind for kind in one["statements"]
            )
            output.out(f"verified  {one['reference']}\n          signed with {one['key']}; says: {kinds}\n")
    return Exit.OK


async def _verify(options: argparse.Namespace) -> list[dict[str, Any]]:
    report = Progress()
    async with instance_session(options, report) as here:
        key = _key(options, here)
        if options.references:  # needs no catalogue: any image, from any folder
            async with Registry(access()) as registry:
                found = await verify_references(registry, key, [parse(text) for text in options.references])
        else:
            async with run_context(options, here, report) as context:
                found = await verify_references(context.registry, key, of_revision(context))
        return [_as_data(one, key) for one in found]


def _as_data(one: Verified, key: PublicKey) -> dict[str, Any]:
    return {"reference": str(one.reference), "key": key.origin, **one.verification.to_json()}


def _key(options: argparse.Namespace, here: InstanceSession) -> PublicKey:
    if options.key is None:
        return signing(os.environ, here.data).public_key
    try:
        return PublicKey(options.key.read_bytes(), str(options.key))
    except OSError as fault:
        raise UsageError(f"cannot read the key {options.key}: {fault.strerror}") from None
