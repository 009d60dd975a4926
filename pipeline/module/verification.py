"""verify inside a Dagger function: signatures, or all that rules demand. Rules and their keys are in its source."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.config.verification.file import read_rules
from pipeline.engine.faults import explained
from pipeline.errors import UsageError
from pipeline.release.environments import environment, parse, verify
from pipeline.run.gates.rules import RulesInForce, check_rules, rules_for, rules_in_force
from pipeline.util.concurrency import each

if TYPE_CHECKING:
    from pipeline.model import Reference
    from pipeline.run import RunContext

    from .argument_values import ModuleArguments


async def verified(
    context: RunContext, given: ModuleArguments, texts: Sequence[str], *, rules: str = "", env: str = ""
) -> list[Mapping[str, object]]:
    """What was verified of references as data; without any, of everything of this revision, or with `env` of all that
    the plan has there. Raises SignatureRefused for the first that is refused, UsageError, ConfigError, RegistryError.
    """
    if not (rules or env):
        verified_images = await verify(context, texts)
        return [{"reference": str(v.reference), **v.verification.to_json()} for v in verified_images]
    if rules and (env or not texts):
        raise UsageError("--rules wants --references, and no --env", hint="--rules rules.yml --references …")
    references = [parse(text) for text in texts]
    if env:
        place = environment(context.plan.project.environments, env)
        in_force = context.rules.get(place.name)
        if in_force is None:
            raise UsageError(
                f"{env} has no rules for verification", hint="add verify: to the environment in lockage.yml"
            )
        targets = [group[0] for _, group in context.plan.groups()]
        every = [context.repository(place, target.image).tagged(target.tags[0]) for target in targets]
        pairs = [(reference, in_force) for reference in references or every]
    else:
        pairs = [(reference, await _of_file(context, given, rules, reference)) for reference in references]
    now = int(time.time())
    checked = await each(lambda pair: check_rules(context.registry, pair[0], pair[1], now), pairs)
    for image in checked:
        image.refuse()
    return [image.to_json() for image in checked]


async def _of_file(
    context: RunContext, given: ModuleArguments, path: str, reference: Reference
) -> RulesInForce:
    in_file = rules_for(read_rules(await _contents(given, path), path), reference, path)
    folder = PurePosixPath(path).parent
    files = {name: await _contents(given, str(folder / name)) for name in in_file.files}
    default = None if in_file.signers else context.signatory
    return rules_in_force(in_file, files, path, default)


async def _contents(given: ModuleArguments, path: str) -> bytes:
    with explained(
        f"reading {path}", hint="--rules names a file of rules in --source; its keys lie below it"
    ):
        return (await given.source.file(path).contents()).encode()
