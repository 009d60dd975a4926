"""From options and this machine to a run's context: catalogue, lock, commit, keys, engines, limits."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import field, replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING

from pipeline.ci import main_branch
from pipeline.engine.buildkit.cache import VARIABLES
from pipeline.engine.buildkit.config import PATIENCE
from pipeline.errors import UsageError
from pipeline.registry import Registry
from pipeline.release.environments import environment
from pipeline.run import RunContext, RunLimits, Stage
from pipeline.run.context import CacheSite
from pipeline.run.platforms import refuse_impossible
from pipeline.run.secrets import NoSecrets
from pipeline.util.dataclass import dataclass

from .common_options import RunOptions
from .git.origin import read_origin
from .git.revision import read_epoch, read_revision
from .host_secrets import HostSecrets
from .instance.engines import open_engines
from .instance.image_signer import image_signer
from .instance.keyless import warn_of_records
from .instance.limits import seconds
from .instance.session import InstanceSession, instance_session
from .instance.signing_key import project_key, proposal_key, signing_key, trusted_keys
from .planning.reader import PlanReader, PlanRequest
from .proposals import ProposalSite, Reach, Trust, read_trust
from .registry_access import registry_access
from .verification.rules import environment_files, environment_rules

if TYPE_CHECKING:
    from pipeline.model import Platform
    from pipeline.plan import Plan
    from pipeline.registry import Access
    from pipeline.run import Engines

    from .output.progress import Progress


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run is for: `until` is its last stage, None when nothing is built; with `keys` the lock, and so the
    keys, are those that a run would have. `environments` are the names that options mention."""

    plan: PlanRequest
    options: RunOptions = field(default_factory=RunOptions)
    until: Stage | None = None
    keys: bool = False
    environments: tuple[str, ...] = ()
    restricted: bool = False

    @property
    def trust(self) -> Trust:
        """How far the run is trusted: what builds is restricted for pull requests, with `restricted` other commands.

        Raises UsageError.
        """
        if self.until is None and not self.restricted:
            return Trust()
        return read_trust(os.environ, no_push=self.options.no_push)


@asynccontextmanager
async def open_run(command: str, request: RunRequest, report: Progress) -> AsyncIterator[RunContext]:
    """The context of a command's run, in a session of this user's instance.

    What the catalogue and the options say is checked before the instance is started, which may take minutes.
    """
    plans = PlanReader(request.plan)
    _check(request, plans)
    async with (
        instance_session(request.plan.root, command, report, emulate=request.options.emulate) as session,
        run_context(request, plans, session, report) as context,
    ):
        yield context


def _check(request: RunRequest, plans: PlanReader) -> None:
    """Raises ConfigError, UsageError."""
    if request.plan.locked and request.options.pull:
        raise UsageError("--pull resolves bases again, --locked forbids it", hint="leave out one of them")
    project = plans.read_known().project
    for name in request.environments:
        environment(project.places, name)
    trusted_keys(project.trusted_records, request.plan.root)
    image_signer(project, request.plan.root, os.environ)
    environment_files(project, request.plan.root)


@asynccontextmanager
async def run_context(
    request: RunRequest, plans: PlanReader, session: InstanceSession, report: Progress
) -> AsyncIterator[RunContext]:
    """The context of a run; a lock is written first where it is missing something, unless `--locked` forbids that.

    Raises what reading a plan and resolving references raise.
    """
    options, until = request.options, request.until
    trust = request.trust
    if trust.note:
        report.step("note", trust.note)
    async with (
        Registry(_access(trust, session)) as registry,
        open_engines(options.engines, session) as engines,
    ):
        plan = plans.read(session.lock.read())
        context = _context(request, session, plan, registry, engines, report)
        if not request.plan.locked:
            lock_file = session.lock
            if session.site is not None and (request.keys or until is not None):
                targets = _locked_together(plans, plan, session)
                lock_file = await session.ensure_stand_ins(
                    plan.tools, _platforms(targets), _refuse_impossible_targets(context, until)
                )
            lock = await lock_file.ensure(plan, registry, session.mirrors, report, pull=options.pull)
            context = replace(context, plan=plans.read(lock))
        context = replace(context, whole=plans.whole_image_tags(session.lock.read()))
        if until is not None and until.number >= Stage.SIGN.number:
            warn_of_records(context, os.environ)
        yield context


def _context(
    request: RunRequest,
    session: InstanceSession,
    plan: Plan,
    registry: Registry,
    engines: Engines,
    report: Progress,
) -> RunContext:
    root, folder, data = request.plan.root, session.settings.cache, session.settings.data
    trust, project = request.trust, plan.project
    trusted = trusted_keys(project.trusted_records, root)
    proposal, signing = None, None
    if trust.reach is not Reach.PROJECT:
        builds = project.builds_repository(embedded=session.host)
        keys = (project_key(os.environ, data), *trusted)
        proposal = ProposalSite(project, builds, session.host, keys).proposal(trust, registry)
    if trust.reach is Reach.INSTANCE:
        signing = proposal_key(data)
    jobs = request.options.jobs or max(2, os.cpu_count() or 2)
    context = RunContext(
        plan=plan,
        registry=registry,
        engine=engines.default,
        others=engines.by_platform,
        host=session.host,
        mirrors=session.mirrors,
        signing=signing or signing_key(os.environ, data),
        revision=read_revision(root, os.environ),
        today=datetime.now(UTC).date(),
        contexts=folder / "contexts",
        cache=folder,
        limits=RunLimits.of(jobs, seconds("LOCKAGE_BUILDER_LIMIT", PATIENCE)),
        report=report,
        fresh=request.options.fresh,
        offline=request.options.offline or bool(os.environ.get("LOCKAGE_OFFLINE")),
        source_date_epoch=read_epoch(os.environ),
        secrets=HostSecrets(os.environ, root) if trust.secrets else NoSecrets(),
        trusted=trusted,
        image_signer=image_signer(plan.project, root, os.environ),
        origin=cache(partial(read_origin, root, os.environ)),
        caches=CacheSite(
            root.absolute(),
            main_branch(os.environ),
            {name: value for name in VARIABLES if trust.secrets and (value := os.environ.get(name))},
            reads=trust.reach is not Reach.PROJECT,
        ),
        proposal=proposal,
        entitled=trust.secrets,
    )
    rules = any(environment.verify for environment in plan.project.environments)
    return (
        replace(context, rules=environment_rules(plan.project, root, context.signatory)) if rules else context
    )


def _access(trust: Trust, session: InstanceSession) -> Access:
    """Access to registries; a run that pushes nothing has no way to."""
    access = registry_access()
    return replace(access, writable=frozenset({session.host})) if trust.reach is Reach.INSTANCE else access


def _locked_together(plans: PlanReader, plan: Plan, session: InstanceSession) -> Plan:
    """The plan whose platforms the lab's base has to have: like its publisher's, it is the same for a run that leaves
    some of them to others."""
    selection = plans.request.selection
    return plans.whole(session.lock.read()) if selection.leaves_out else plan


def _platforms(plan: Plan) -> set[Platform]:
    """The platforms of external bases and external targets."""
    bases = {base.on or target.platform for target in plan.targets for base in target.bases if base.reference}
    return bases | {target.platform for target in plan.targets if target.external}


def _refuse_impossible_targets(context: RunContext, until: Stage | None) -> Callable[[], Awaitable[None]]:
    """Where no engine runs programs of a platform, a stand-in for its base would be made in vain."""

    async def no_record(key: str) -> None:
        return None

    async def refuse() -> None:
        if until is not None:
            await refuse_impossible(context, until, no_record)

    return refuse
