"""The context of a run inside a Dagger function, from its caller's arguments alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.lock import LOCK_NAME
from pipeline.engine.faults import explained
from pipeline.engine.head import read_head, tagged_commit
from pipeline.engine.secrets import plaintext
from pipeline.errors import UsageError
from pipeline.plan.locked import require_locked
from pipeline.policy import Revision
from pipeline.release.versions.git_tag import require_same_commit
from pipeline.run.context import RunContext, RunLimits
from pipeline.run.engines import GivenEngine
from pipeline.run.gates.rules import rules_of_environments
from pipeline.run.publish.promotion import PromotionOptions
from pipeline.trust.keypair import KeyPair

from .access import parse_mirrors, registries
from .catalogue import read_catalogue
from .keyless import image_signer
from .planning import complete

if TYPE_CHECKING:
    from pipeline.plan import Plan
    from pipeline.trust import PublicKey
    from pipeline.util.progress import ProgressCallback

    from .argument_values import ModuleArguments, Selection

_JOBS = 4


@asynccontextmanager
async def run_context(
    given: ModuleArguments,
    report: ProgressCallback,
    selection: Selection | None = None,
    *,
    signs: bool = False,
) -> AsyncIterator[RunContext]:
    """The context of a run of a selection; what is not locked is resolved in the registries in force.

    A private key is needed only if the run `signs`; given, it also signs what is remembered. Raises UsageError for
    arguments that do not go together, and whatever making a plan raises.
    """
    from datetime import UTC, datetime

    from pipeline.registry import Registry

    catalogue, folder = await read_catalogue(given, selection), Path.cwd()
    mirrors, lock = parse_mirrors(given.mirrors), catalogue.lock
    plan = catalogue.plan(lock)
    if given.locked:
        require_locked(plan, LOCK_NAME)
    reached = await registries(given, plan)
    async with Registry(reached.access) as registry:
        lock = await complete(lock, plan, registry, mirrors)
        context = RunContext(
            plan=catalogue.plan(lock),
            whole=catalogue.whole(lock),
            registry=registry,
            engine=GivenEngine(given.client, folder, given.registry, reached.forwards),
            host=reached.host,
            mirrors=mirrors,
            signing=await _signing(given, signs and not (plan.project.keyless or plan.project.kms)),
            revision=await _revision(given, folder / "objects"),
            today=datetime.now(UTC).date(),
            contexts=folder / "contexts",
            cache=folder / "cache",
            limits=RunLimits.of(_JOBS),
            report=report,
            fresh=selection is not None and selection.fresh,
            secrets=given.secrets,
            trusted=await _trusted(given, plan),
            image_signer=await image_signer(given, plan),
            promotion=PromotionOptions(author=given.author),
        )
        if any(environment.verify for environment in plan.project.environments):
            rules = rules_of_environments(plan.project, await _rule_files(given, plan), context.signatory)
            context = replace(context, rules=rules)
        yield context


async def refuse_other_tag(given: ModuleArguments, name: str, commit: str) -> None:
    """Raises UsageError where a git tag of a release's name is at another commit; a release needs no git tag."""
    tagged = await tagged_commit(given.source, name)
    require_same_commit(name, tagged, commit, f"--source at {name}")


async def _signing(given: ModuleArguments, signs: bool) -> KeyPair:
    public = given.public_key.encode()
    if given.private_key is None or not public:
        if not signs:
            return KeyPair(public, "--public-key")
        raise UsageError(
            "signing needs a key pair",
            hint='eval "$(lockage env)", or --private-key file://cosign.key --public-key "$(cat cosign.pub)"',
        )
    try:
        private = await plaintext(given.private_key, "--private-key")
        password = await plaintext(given.password, "--password") if given.password else ""
    except UsageError:  # by default both are variables of the caller, who need not have them
        if signs:
            raise
        return KeyPair(public, "--public-key")
    return KeyPair(public, "--public-key", private.encode(), password)


async def _trusted(given: ModuleArguments, plan: Plan) -> tuple[PublicKey, ...]:
    """The public keys in files of the source. Raises ConfigError."""
    from pipeline.trust import PublicKey

    keys = []
    for path in plan.project.trusted_records:
        with explained(f"reading {path}", hint="trust: records: in lockage.yml names files of public keys"):
            keys.append(PublicKey((await given.source.file(path).contents()).encode(), path))
    return tuple(keys)


async def _rule_files(given: ModuleArguments, plan: Plan) -> dict[str, bytes]:
    """The files that rules of environments name, in the source."""
    out = {}
    for environment in plan.project.environments:
        for path in environment.verify.files if environment.verify else ():
            with explained(f"reading {path}", hint="verify: in lockage.yml names keys and trusted roots"):
                out[path] = (await given.source.file(path).contents()).encode()
    return out


async def _revision(given: ModuleArguments, scratch: Path) -> Revision:
    head = await read_head(given.source, scratch)
    if head is None or given.revision not in ("", head.sha):
        try:
            return Revision(given.revision)
        except ValueError as fault:
            raise UsageError(f"--revision: {fault}") from None
    return Revision(head.sha, head.dirty, head.created)
