"""The stages as functions: plan, lint, build to run, and the merge of what several runners pushed."""

from __future__ import annotations

from typing import Annotated

import dagger
from dagger import Doc, check, function

from pipeline.engine.uncached import uncached

from .argument_values import Selection
from .arguments import AsJson, Fresh, Platforms, Targets, To
from .calls import Functions, json_text, refusals, report


class StageFunctions(Functions):
    """Each runs the stages before it whose results are not known."""

    @uncached
    async def plan(self, targets: Targets = None, platforms: Platforms = None) -> str:
        """Gives what would be done, as JSON: the same bytes as `lockage plan --json`."""
        from pipeline.util.printable import safe_json

        from .planning import planned

        with refusals():
            plan = await planned(self.given(), Selection.of(targets, platforms))
            return safe_json(plan.to_json())

    @uncached
    async def build(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Builds targets and pushes them, by digest, to the repository of builds."""
        return await self._run("build", Selection.of(targets, platforms, fresh), as_json)

    @uncached
    async def scan(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Scans every target for vulnerabilities and secrets, and judges it."""
        return await self._run("scan", Selection.of(targets, platforms, fresh), as_json)

    @uncached
    async def sbom(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Lists the packages of every target: CycloneDX, SPDX, syft."""
        return await self._run("sbom", Selection.of(targets, platforms, fresh), as_json)

    @uncached
    async def test(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Runs the structure tests of every target."""
        return await self._run("test", Selection.of(targets, platforms, fresh), as_json)

    @uncached
    async def push(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Pushes what has passed its gates to the first environment, as an index."""
        return await self._run("push", Selection.of(targets, platforms, fresh), as_json)

    @uncached
    async def sign(
        self,
        targets: Targets = None,
        platforms: Platforms = None,
        fresh: Fresh = False,
        as_json: AsJson = False,
    ) -> str:
        """Signs what was pushed, and attests its bill of materials and findings."""
        return await self._run("sign", Selection.of(targets, platforms, fresh), as_json)

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
        return await self._run("promote", Selection.of(targets, platforms, fresh), as_json, to)

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
        from pipeline.run.platform_refs import collect
        from pipeline.run.publish.fan_in import manifest as merge

        from .context import run_context

        with refusals():
            texts = [(await file.contents()).encode() for file in refs or ()]
            pushed = collect({f"refs {n}": raw for n, raw in enumerate(texts, 1)}) if texts else None
            async with run_context(self.given(), report, Selection.of(targets)) as context:
                merged = await merge(context, pushed, allow_missing=allow_missing)
                return json_text([index.to_json() for index in merged])

    @function
    @check
    async def lint(self) -> str:
        """Checks lockage.yml and images/ without building anything: all problems at once."""
        from pipeline.util.printable import safe_line

        from .catalogue import read_catalogue

        with refusals():
            catalogue = await read_catalogue(self.given())
            plan = catalogue.plan(catalogue.lock)
            lines = [f"warning: {target.id}: {text}" for target in plan.targets for text in target.warnings]
            return "".join(safe_line(line) + "\n" for line in [*lines, f"{len(plan.targets)} targets"])

    async def _run(self, name: str, selection: Selection, as_json: bool, to: str = "") -> str:
        from pipeline.run import Stage

        from .runs import finished, outcome

        with refusals():
            async with finished(self.given(), Stage(name), selection, to) as run:
                return outcome(run.result, as_json)
