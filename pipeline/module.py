"""Lockage as a Dagger module: the stages of `lockage` as functions, for any caller of a Dagger engine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from typing import Annotated

import dagger
from dagger import DefaultPath, Doc, Ignore, check, dag, function, object_type
from dagger.mod._exceptions import FunctionError

from pipeline.errors import LockageError
from pipeline.release.environments import environment, plan_promotions, verify
from pipeline.run import RunResult, Stage, run
from pipeline.run.dagger_context import Given, GivenSecrets, read_catalogue, run_context
from pipeline.run.platform_refs import collect
from pipeline.run.publish.fan_in import manifest as merge
from pipeline.run.publish.promotion import perform
from pipeline.run.summary import problems, table
from pipeline.util.progress import ProgressEvent

Targets = Annotated[list[str] | None, Doc("images (python), tags (python:3.11) or ids; default: all")]
Platforms = Annotated[list[str] | None, Doc("only these platforms, such as linux/amd64")]
Fresh = Annotated[bool, Doc("build although the key is known")]
AsJson = Annotated[bool, Doc("data instead of a table")]
To = Annotated[str, Doc("environment to promote to; default: the second one in lockage.yml")]


class Refused(FunctionError):
    """What a caller is told: message, evidence and next command. (Of this kind the SDK prints no traceback.)"""


@object_type
class Lockage:
    """Takes a folder of image descriptions through build, scan, SBOM, test, push, sign and promotion."""

    source: Annotated[
        dagger.Directory,
        DefaultPath("/"),
        Ignore([".venv", "**/__pycache__", ".pytest_cache", ".hypothesis", ".ruff_cache"]),
        Doc("folder with lockage.yml and images/; with its .git, if the commit shall be known"),
    ]
    # A service is another one in every session, so that what this constructor gives is never recalled (3 s). As
    # an argument of each function it would be; but engine 0.21.8 ignores local defaults there beside `= None`.
    registry: Annotated[
        dagger.Service | None,
        Doc("the registry for `registry: embedded`, as the engine reaches it: tcp://localhost:PORT"),
    ] = None
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
    secret_ids: Annotated[
        list[str], Doc("ids of the secrets that follow, as `secrets:` of lockage.yml names them")
    ] = field(default_factory=list)
    secrets: Annotated[
        list[dagger.Secret], Doc("secrets of builds, in the order of --secret-ids: env://NAME, file://PATH")
    ] = field(default_factory=list)
    ssh_agent: Annotated[dagger.Socket | None, Doc("the SSH agent that RUN instructions may mount")] = None

    @function(cache="never")
    async def plan(self, targets: Targets = None, platforms: Platforms = None) -> str:
        """What would be done, as JSON: the same bytes as `lockage plan --json`."""
        with _told():
            async with run_context(
                self._given(), _report, targets=targets or (), platforms=platforms or ()
            ) as context:
                return context.plan.to_json()

    @function(cache="never")
    async def build(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Builds targets and pushes them, by digest, to the repository of builds."""
        return await self._run(Stage.BUILD, targets, platforms, fresh, as_json)

    @function(cache="never")
    async def scan(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Looks for vulnerabilities and secrets in every target, and judges."""
        return await self._run(Stage.SCAN, targets, platforms, fresh, as_json)

    @function(cache="never")
    async def sbom(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Lists the packages of every target: CycloneDX, SPDX, syft."""
        return await self._run(Stage.SBOM, targets, platforms, fresh, as_json)

    @function(cache="never")
    async def test(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Runs the structure tests of every target."""
        return await self._run(Stage.TEST, targets, platforms, fresh, as_json)

    @function(cache="never")
    async def push(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Brings what passed its gates to the first environment, as an index."""
        return await self._run(Stage.PUSH, targets, platforms, fresh, as_json)

    @function(cache="never")
    async def sign(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Signs what was pushed, and attests its bill of materials and findings."""
        return await self._run(Stage.SIGN, targets, platforms, fresh, as_json)

    @function(cache="never")
    async def run(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        to: To = "",
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Every stage for every target, up to a promotion."""
        return await self._run(Stage.PROMOTE, targets, platforms, fresh, as_json, to)

    @function(cache="never")
    async def manifest(
        self,
        targets: Targets = None,
        refs: Annotated[
            list[dagger.File] | None, Doc("files of refs; default: what the registry has")
        ] = None,
        allow_missing: Annotated[bool, Doc("merge without the platforms that nobody pushed")] = False,
    ) -> str:
        """Merges the platforms that several runs pushed into one index for each image tag. Gives JSON."""
        with _told():
            texts = [(await file.contents()).encode() for file in refs or ()]
            known = collect({f"refs {n}": raw for n, raw in enumerate(texts, 1)}) if texts else None
            async with run_context(self._given(), _report, targets=targets or ()) as context:
                done = await merge(context, known, allow_missing=allow_missing)
                return _text([one.to_json() for one in done])

    @function(cache="never")
    async def promote(
        self,
        to: To,
        origin: Annotated[str, Doc("environment to take from; default: the first")] = "",
        targets: Targets = None,
        dry_run: Annotated[bool, Doc("only look: give what would be written")] = False,
    ) -> str:
        """Gives the digests of one environment the tags of another; all are verified first. Gives JSON."""
        with _told():
            async with run_context(self._given(), _report, targets=targets or ()) as context:
                known = context.plan.project.environments
                there = environment(known, to) or known[0]
                planned = await plan_promotions(
                    context, environment(known, origin or known[0].name) or known[0], there
                )
                for promotion in () if dry_run else planned:
                    await perform(context.registry, promotion)
                return _text([p.to_json() for p in planned])

    @function(cache="never")
    async def verify(
        self, references: Annotated[list[str] | None, Doc("default: all of this revision")] = None
    ) -> str:
        """Checks signatures; gives what was verified, by digest, as JSON."""
        with _told():
            async with run_context(self._given(), _report) as context:
                found = await verify(context, references or ())
                return _text([{"reference": str(v.reference), **v.verification.to_json()} for v in found])

    @function
    @check
    async def lint(self) -> str:
        """Checks lockage.yml and images/ without building anything: all mistakes at once."""
        from pipeline.plan import plan_of

        with _told():
            made = plan_of(await read_catalogue(self._given()))
            warnings = [f"warning: {t.id}: {w}\n" for t in made.targets for w in t.warnings]
            return "".join([*warnings, f"{len(made.targets)} targets\n"])

    async def _run(
        self, until: Stage, targets: Targets, platforms: Platforms, fresh: bool, as_json: bool, to: str = ""
    ) -> str:
        with _told():
            async with run_context(
                self._given(),
                _report,
                targets=targets or (),
                platforms=platforms or (),
                fresh=fresh,
                signs=until.number >= Stage.SIGN.number,
            ) as context:
                goal = environment(context.plan.project.environments, to) if until is Stage.PROMOTE else None
                return _outcome(await run(context, until, goal), as_json)

    def _given(self) -> Given:
        return Given(
            dag,
            self.source,
            self.registry,
            tuple(self.mirrors),
            self.lock,
            self.revision,
            self.docker_config,
            self.private_key,
            self.password,
            self.public_key,
            GivenSecrets.of(self.secret_ids, self.secrets, self.ssh_agent),
        )


def _outcome(result: RunResult, as_json: bool) -> str:
    text = _text(result.to_json()) if as_json else table(result)
    if result.exit_code:
        raise Refused(f"{result.exit_code.name.lower()}: {problems(result)}\n\n{text}")
    return text


def _text(data: object) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _report(event: ProgressEvent) -> None:
    sys.stderr.write(f"{event.state:<8} {event.subject}  {event.detail}\n".rstrip() + "\n")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except LockageError as fault:
        hint = f"next: {fault.hint}" if fault.hint else ""
        raise Refused("\n".join(filter(None, (fault.message, fault.detail, hint)))) from None
