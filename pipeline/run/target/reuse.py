"""Whether a target has to be built: its image is known under its key, else imported, else built, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.model import Digest
from pipeline.plan import Target
from pipeline.state.record import Record
from pipeline.state.records import Records
from pipeline.util.dataclass import dataclass

from ..priority import build_ranks
from ..results import Status

if TYPE_CHECKING:
    from ..context import RunContext
    from ..image_cache import ImageCache
    from .build import Builder


@dataclass(frozen=True, slots=True)
class Obtained:
    """The image of a target: its record, whether this run built it, and why or why not."""

    record: Record
    status: Status
    reason: str


class TargetImages:
    """Where the images of a run's targets come from. What builds them is imported when one is built."""

    def __init__(self, context: RunContext, images: ImageCache, records: Records) -> None:
        self._context, self._images, self._records = context, images, records
        self._ranks = build_ranks(context.plan.targets)

    async def obtain(self, target: Target, bases: Mapping[str, Digest]) -> Obtained:
        """The image that is known under the target's key, else imported, else built."""
        context = self._context
        # Until it turns out whether this one is built, targets of less urgency wait a moment.
        with context.limits.builds.expected(self._ranks[target.id]):
            if not context.fresh and target.key and (known := await self._records.find(target.key)):
                return Obtained(known, Status.REUSED, "its key is known to the registry")
            return await self._make(target, bases)

    @cached_property
    def _builder(self) -> Builder:
        from .build import Builder

        return Builder(self._context, self._images, self._records)

    async def _make(self, target: Target, bases: Mapping[str, Digest]) -> Obtained:
        from pipeline.state.build_inputs import BuildInputs, rebuild_reason, write_build_inputs

        context, records = self._context, self._records
        if target.external:
            from .external import import_external

            record = await records.write(await import_external(context, self._images, target), {})
            return Obtained(record, Status.BUILT, f"imported from {target.external}")
        inputs = BuildInputs.of(context.plan, target, revision=context.revision.label, fresh=context.fresh)
        if context.fresh:
            reason = "rebuild requested"
        elif target.key and records.is_uncommitted(target.key):
            reason = "it was built from a work tree with changes"
        elif inputs is None:
            reason = "it was never built before"
        else:
            reason = await rebuild_reason(records.store, inputs)
        record = await self._builder.build(target, bases, rank=self._ranks[target.id], reason=reason)
        if inputs:
            await write_build_inputs(records.store, inputs)
        return Obtained(record, Status.BUILT, reason)
