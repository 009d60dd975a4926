"""What a run made as types of Dagger, to go on with: a container, folders, references by digest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import dagger
from dagger import Doc

from pipeline.engine.uncached import uncached

from .argument_values import Selection
from .arguments import Targets
from .calls import Functions, Refused, json_text, refusals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.model import Digest, Platform
    from pipeline.run import TargetResult

    from .runs import Finished

One = Annotated[str, Doc("an image tag (python:3.11), or the id of a target")]


class ContentFunctions(Functions):
    """Targets are built, examined or published first, as far as the registry does not know them."""

    @uncached
    async def image(
        self,
        target: One,
        platform: Annotated[str, Doc("default: that of the engine, else the only one there is")] = "",
    ) -> dagger.Container:
        """The image of a target by digest, from the repository of builds, whatever its gates say."""
        from pipeline.run import Stage

        from .runs import finished

        with refusals():
            platforms = (platform,) if platform else ()
            async with finished(self.given(), Stage.BUILD, Selection((target,), platforms)) as run:
                run.require()
                on, digest = await _one(run, target)
                container = self.given().client.container(platform=dagger.Platform(str(on)))
                return container.from_(str(run.context.home(digest).at(digest)))

    @uncached
    async def index(self, target: One) -> str:
        """The reference by digest of an image tag in the first environment, pushed there if it is not yet."""
        from pipeline.run import Stage

        from .runs import finished

        with refusals():
            async with finished(self.given(), Stage.PUSH, Selection((target,))) as run:
                run.require()
                named = {(t.image, t.tag) for t in _named(run, target)}
                pushed = [i.pushed for i in run.result.images if (i.image, i.tag) in named and i.pushed]
                if len(pushed) != 1:
                    raise Refused(f"{target} is {len(pushed)} image tags, not one\nnext: --target IMAGE:TAG")
                return str(pushed[0].by_digest)

    @uncached
    async def dist(self, targets: Targets = None) -> dagger.Directory:
        """The Dockerfiles, tests and build contexts of targets, as `lockage generate` writes them."""
        from pipeline.plan import generated_files, write

        from .catalogue import read_catalogue

        with refusals():
            catalogue = await read_catalogue(self.given(), Selection.of(targets))
            plan = catalogue.plan(catalogue.lock)
            write(generated_files(plan), Path.cwd() / "dist", plan.source, root=Path.cwd())
            return self._folder("dist")

    @uncached
    async def sboms(self, targets: Targets = None) -> dagger.Directory:
        """The bills of materials of targets (CycloneDX, SPDX, syft), a folder for each."""
        from pipeline.reporting.documents import recorded_documents
        from pipeline.run import Stage
        from pipeline.sbom import FORMATS

        from .runs import finished

        with refusals():
            async with finished(self.given(), Stage.SBOM, Selection.of(targets)) as run:
                documents = await recorded_documents(run.context, run.context.plan.targets, tuple(FORMATS))
                return self._written("sboms", {document.path: document.content for document in documents})

    @uncached
    async def reports(self, targets: Targets = None) -> dagger.Directory:
        """The reports of a run up to its gates: a page, SARIF, JUnit, GitLab's, JSON, Markdown.

        A gate that closes is in them, and fails nothing.
        """
        from pipeline.report.files import report_files
        from pipeline.reporting.collect import Collector
        from pipeline.run import Stage

        from .runs import finished

        with refusals():
            async with finished(self.given(), Stage.TEST, Selection.of(targets)) as run:
                collector = Collector.of(run.context, Path.as_posix, whole=True)
                collected = await collector.of_run("test", run.result)
                return self._written("reports", report_files(collected.report))

    @uncached
    async def findings(self, targets: Targets = None) -> str:
        """The findings of targets that the registry knows, judged by today's policy, as JSON."""
        from pipeline.report.data import FORMAT_VERSION, target_data
        from pipeline.reporting.collect import Collector

        from .calls import report
        from .context import run_context

        with refusals():
            async with run_context(self.given(), report, Selection.of(targets)) as context:
                collected = await Collector.of(context, Path.as_posix, whole=True).of_records("findings")
            entries = [target_data(collected.report, target) for target in collected.report.targets]
            return json_text({"format_version": FORMAT_VERSION, "targets": entries})

    def _written(self, name: str, files: Mapping[str, bytes]) -> dagger.Directory:
        from pipeline.util.files import replace_file

        for path, content in files.items():
            replace_file(Path.cwd() / name / path, content, root=Path.cwd())
        return self._folder(name)

    def _folder(self, name: str) -> dagger.Directory:
        return self.given().client.current_module().workdir(name)


def _named(run: Finished, name: str) -> list[TargetResult]:
    """The results of the targets that a name selects, without their bases."""
    from pipeline.plan import matching

    ids = set(matching(run.context.plan, [name]))
    return [result for result in run.result.targets if result.id in ids]


async def _one(run: Finished, name: str) -> tuple[Platform, Digest]:
    """The platform and digest of the image that is meant: the engine's own platform comes first. Raises Refused."""
    results = _named(run, name)
    own = await run.context.engine.platform()
    wanted = [result for result in results if result.platform == own] or results
    if len(wanted) != 1 or wanted[0].digest is None:
        ids = ", ".join(result.id for result in wanted)
        raise Refused(
            f"one image is wanted, not {len(wanted)}: {ids}\nnext: --target IMAGE:TAG --platform OS/ARCH"
        )
    return wanted[0].platform, wanted[0].digest
