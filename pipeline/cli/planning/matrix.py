"""The matrix of a plan: what the registry does not know yet, as jobs for a provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError, UsageError
from pipeline.model import Platform
from pipeline.util.dataclass import dataclass
from pipeline.util.progress import ProgressState

from ..output.progress import Progress
from ..run_context import RunRequest, open_run

if TYPE_CHECKING:
    from pipeline.run import RunContext

    from ..common_options import TargetSelection
    from .reader import PlanRequest


@dataclass(frozen=True, slots=True)
class MatrixRequest:
    """A matrix in the form of `provider`, with labels of runners and a limit of jobs that replace the provider's."""

    provider: str
    labels: Mapping[Platform, str]
    most: int | None = None


async def matrix_of(plan: PlanRequest, request: MatrixRequest) -> str:
    """The matrix as its provider reads it. Raises UsageError where it cannot be made, RegistryError."""
    from pipeline.ci.matrix import Matrix
    from pipeline.ci.matrix_formats import FORMATS

    chosen, selection = FORMATS[request.provider], plan.selection
    limit = min(request.most or chosen.limit, chosen.limit)
    async with open_run("plan", RunRequest(plan, keys=True, restricted=True), Progress()) as context:
        todo = await _unknown(context)
        try:
            matrix = Matrix.of(
                context.plan, todo, chosen.runners(request.labels), limit, _selecting(selection)
            )
        except ValueError as error:
            raise UsageError(f"--matrix: {error}", hint="raise --max-jobs, or name --platform") from None
    if selection.changed_files_from and any("--shard" in job.arguments for job in matrix.jobs):
        raise UsageError(
            f"--matrix: more than {limit} jobs, and shards cannot read --changed-files-from on other machines",
            hint="--affected COMMIT selects the same everywhere",
        )
    return chosen.render(matrix)


def runner_labels(texts: Sequence[str]) -> dict[Platform, str]:
    """The labels in PLATFORM=LABEL. Raises UsageError."""
    labels = {}
    for text in texts:
        name, equals, label = text.partition("=")
        try:
            platform = Platform.parse(name)
        except ValueError as error:
            raise UsageError(f"--runner: {error}") from None
        if not equals or not label or not label.isprintable():
            raise UsageError(
                f"--runner: {text[:100]!r} is not PLATFORM=LABEL", hint="such as linux/arm64=ubuntu-24.04-arm"
            )
        labels[platform] = label
    return labels


async def _unknown(context: RunContext) -> frozenset[str]:
    """Ids of the targets of a plan that no repository of builds knows which the runs of this event read."""
    from pipeline.state.known_keys import known_keys

    keys = {target.key for target in context.plan.targets if target.key}
    known = set(await known_keys(context.store(), keys))
    if context.upstream:
        try:
            known |= await known_keys(context.upstream.store, keys - known)
        except RegistryError as fault:  # a pull request without access builds everything
            context.tell("", ProgressState.WARNING, f"everything is to be built: {fault.message}")
    return frozenset(target.id for target in context.plan.targets if target.key not in known)


def _selecting(selection: TargetSelection) -> tuple[str, ...]:
    """The options that select the same part of the same plan on another machine."""
    names = [word for name in selection.only for word in ("--only", name)] or list(selection.targets)
    return (*names, *(("--affected", selection.affected) if selection.affected else ()))
