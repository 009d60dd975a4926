"""Lockage as a Dagger module: the stages of `lockage` as functions, for any caller of a Dagger engine."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated

import dagger
from dagger import DefaultPath, Doc, Ignore, check, dag, function, object_type
from dagger.mod._exceptions import FunctionError

from pipeline.config import Environment
from pipeline.engine.trace import encapsulated
from pipeline.engine.uncached import uncached
from pipeline.errors import LockageError
from pipeline.plan import plan_of
from pipeline.release.dagger_verification import verified
from pipeline.release.environments import destinations, environment, without_dirty
from pipeline.release.promote import Promotions
from pipeline.run import RunResult, Stage, run
from pipeline.run.dagger_context import Given, GivenSecrets, read_catalogue, run_context
from pipeline.run.platform_refs import collect
from pipeline.run.publish.approval import refuse_unapproved
from pipeline.run.publish.fan_in import manifest as merge
from pipeline.run.summary import describe, problems, table
from pipeline.util.json.canonical import pretty
from pipeline.util.printable import safe_json, safe_line
from pipeline.util.progress import ProgressEvent

Targets = Annotated[list[str] | None, Doc("images (python), tags (python:3.11) or ids; default: all")]
Platforms = Annotated[list[str] | None, Doc("only these platforms, such as linux/amd64")]
Fresh = Annotated[bool, Doc("build although the key is known")]
AsJson = Annotated[bool, Doc("data instead of a table")]
To = Annotated[str, Doc("environment to promote to; default: those with promote: automatic in lockage.yml")]


class Refused(FunctionError):
    """An error as a caller sees it: message, evidence and next command, without the SDK's traceback."""


@dataclass(frozen=True, slots=True)
class _Selection:
    """Which targets a call is for, and whether they are built although their keys are known."""

    targets: Sequence[str]
    platforms: Sequence[str] = ()
    fresh: bool = False

    @classmethod
    def of(cls, targets: Targets, platforms: Platforms = None, fresh: Fresh = False) -> _Selection:
        """The arguments of a function; None is everything."""
        return cls(targets or (), platforms or (), fresh)


@object_type
class Lockage:
    """Takes a folder of image descriptions through build, scan, SBOM, test, push, sign and promotion."""

    source: Annotated[
        dagger.Directory,
        DefaultPath("/"),
        Ignore([".venv", "**/__pycache__", ".pytest_cache", ".hypothesis", ".ruff_cache"]),
        Doc("folder with lockage.yml and images/; with its .git for the commit"),
    ]
    # A service differs in every session, so this constructor runs again in each (3 s). As an argument of each
    # function it would not; but engine 0.21.8 ignores local defaults beside `= None` there.
    registry: Annotated[
        dagger.Service | None,
        Doc("the registry for `registry: embedded`, as the engine reaches it: tcp://localhost:PORT"),
    ] = None
    registry_config: Annotated[dagger.Secret | None, Doc("credentials of `registry`: a config.json")] = None
    mirrors: Annotated[
        list[str], Doc("registries that stand in for others: docker.io=harbor.example/hub")
    ] = field(default_factory=list)
    lock: Annotated[
        dagger.File | None, Doc("lock in force; default: the one in source, or none where there are mirrors")
    ] = None
    revision: Annotated[str, Doc("commit id; default: HEAD of source")] = ""
    docker_config: Annotated[
        dagger.Secret | None, Doc("credentials: the content of Docker's config.json")
    ] = None
    private_key: Annotated[dagger.Secret | None, Doc("cosign key that signs")] = None
    password: Annotated[dagger.Secret | None, Doc("password of the private key")] = None
    public_key: Annotated[str, Doc("cosign key that verifies, its content (PEM)")] = ""
    identity_token: Annotated[dagger.Secret | None, Doc("OIDC token for `sign: keyless:`")] = None
    secret_ids: Annotated[
        list[str], Doc("ids of the secrets that follow, as `secrets:` of lockage.yml names them")
    ] = field(default_factory=list)
    secrets: Annotated[
        list[dagger.Secret], Doc("secrets of builds, in the order of --secret-ids: env://NAME, file://PATH")
    ] = field(default_factory=list)
    ssh_agent: Annotated[dagger.Socket | None, Doc("the SSH agent that RUN instructions may mount")] = None

    @uncached
    async def plan(self, targets: Targets = None, platforms: Platforms = None) -> str:
        """Gives what would be done, as JSON: the same bytes as `lockage plan --json`."""
        with _refusals():
            async with run_context(
                self._given(), _report, targets=targets or (), platforms=platforms or ()
            ) as context:
                return safe_json(context.plan.to_json())

    @uncached
    async def build(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Builds targets and pushes them, by digest, to the repository of builds."""
        return await self._run(Stage.BUILD, _Selection.of(targets, platforms, fresh), as_json)

    @uncached
    async def scan(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Scans every target for vulnerabilities and secrets, and judges it."""
        return await self._run(Stage.SCAN, _Selection.of(targets, platforms, fresh), as_json)

    @uncached
    async def sbom(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Lists the packages of every target: CycloneDX, SPDX, syft."""
        return await self._run(Stage.SBOM, _Selection.of(targets, platforms, fresh), as_json)

    @uncached
    async def test(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Runs the structure tests of every target."""
        return await self._run(Stage.TEST, _Selection.of(targets, platforms, fresh), as_json)

    @uncached
    async def push(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Pushes what has passed its gates to the first environment, as an index."""
        return await self._run(Stage.PUSH, _Selection.of(targets, platforms, fresh), as_json)

    @uncached
    async def sign(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Signs what was pushed, and attests its bill of materials and findings."""
        return await self._run(Stage.SIGN, _Selection.of(targets, platforms, fresh), as_json)

    @uncached
    async def run(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        to: To = "",
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Runs every stage for every target, up to a promotion."""
        return await self._run(Stage.PROMOTE, _Selection.of(targets, platforms, fresh), as_json, to)

    @uncached
    async def manifest(
        self,
        targets: Targets = None,
        refs: Annotated[
            list[dagger.File] | None, Doc("files of refs; default: what the registry has")
        ] = None,
        allow_missing: Annotated[bool, Doc("merge without the platforms that nobody pushed")] = False,
    ) -> str:
        """Merges the platforms that several runs pushed into one index for each image tag. Gives JSON."""
        with _refusals():
            texts = [(await file.contents()).encode() for file in refs or ()]
            pushed = collect({f"refs {n}": raw for n, raw in enumerate(texts, 1)}) if texts else None
            async with run_context(self._given(), _report, targets=targets or ()) as context:
                merged = await merge(context, pushed, allow_missing=allow_missing)
                return _text([index.to_json() for index in merged])

    @uncached
    async def promote(
        self,
        to: To,
        origin: Annotated[str, Doc("environment to take from; default: the first")] = "",
        targets: Targets = None,
        dry_run: Annotated[bool, Doc("only plan: give what would be scanned and written")] = False,
    ) -> str:
        """Gives the digests of one environment the tags of another; all are verified first. Gives JSON."""
        with _refusals():
            given = self._given()
            signs = given.private_key is not None  # only new findings are signed
            async with run_context(given, _report, targets=targets or (), signs=signs) as context:
                environments = context.plan.project.environments
                source = environment(environments, origin or environments[0].name)
                there = environment(environments, to)
                if not dry_run:
                    refuse_unapproved(there, None)
                promotions = Promotions(context, source, [there])
                done = await promotions.perform(only_plan=dry_run)
                return _text([one.to_json() for one in done])

    @uncached
    async def verify(
        self,
        references: Annotated[list[str] | None, Doc("default: all of this revision")] = None,
        rules: Annotated[str, Doc("file of rules in source, with verify:")] = "",
        env: Annotated[str, Doc("check by the rules of this environment")] = "",
    ) -> str:
        """Checks signatures, or all that rules demand; gives what was verified, by digest, as JSON."""
        with _refusals():
            given = self._given()
            async with run_context(given, _report) as context:
                return _text(await verified(context, given, references or (), rules=rules, env=env))

    @function
    @check
    async def lint(self) -> str:
        """Checks lockage.yml and images/ without building anything: all problems at once."""
        with _refusals():
            plan = plan_of(await read_catalogue(self._given()))
            lines = [f"warning: {target.id}: {text}" for target in plan.targets for text in target.warnings]
            return "".join(safe_line(line) + "\n" for line in [*lines, f"{len(plan.targets)} targets"])

    async def _run(self, until: Stage, selection: _Selection, as_json: bool, to: str = "") -> str:
        with _refusals():
            async with run_context(
                self._given(),
                _report,
                targets=selection.targets,
                platforms=selection.platforms,
                fresh=selection.fresh,
                signs=until.number >= Stage.SIGN.number,
            ) as context:
                wanted, notes = tuple[Environment, ...](), tuple[str, ...]()
                if until is Stage.PROMOTE:
                    wanted = destinations(context.plan.project.environments, to or None)
                    wanted, notes = without_dirty(context, wanted, named=bool(to))
                return _outcome(replace(await run(context, until, wanted), notes=notes), as_json)

    def _given(self) -> Given:
        return Given(
            client=dag,
            source=self.source,
            registry=self.registry,
            registry_config=self.registry_config,
            mirrors=tuple(self.mirrors),
            lock=self.lock,
            revision=self.revision,
            docker_config=self.docker_config,
            private_key=self.private_key,
            password=self.password,
            public_key=self.public_key,
            identity_token=self.identity_token,
            secrets=GivenSecrets.of(self.secret_ids, self.secrets, self.ssh_agent),
        )


def _outcome(result: RunResult, as_json: bool) -> str:
    text = _text(result.to_json()) if as_json else table(result)
    if result.exit_code:
        raise Refused(f"{result.exit_code.name.lower()}: {problems(result)}\n\n{text}")
    return text


def _text(data: object) -> str:
    return safe_json(pretty(data))


def _report(event: ProgressEvent) -> None:
    sys.stderr.write(safe_line(f"{event.state:<8} {event.subject}  {event.detail}".rstrip()) + "\n")


@contextmanager
def _refusals() -> Iterator[None]:
    with encapsulated():
        try:
            yield
        except LockageError as fault:
            raise Refused(describe(fault)) from None
