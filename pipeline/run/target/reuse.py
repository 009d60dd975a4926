"""Whether a target has to be built: its image is known under its key, else imported, else built, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.model import Digest
from pipeline.plan import Target
from pipeline.state.build_inputs import BuildInputs, rebuild_reason, write_build_inputs
from pipeline.state.record import Record
from pipeline.state.records import Records
from pipeline.util.dataclass import dataclass

from ..results import Status
from .build import Builder
from .external import import_external

if TYPE_CHECKING:
    from ..context import RunContext
    from ..image_cache import ImageCache


@dataclass(frozen=True, slots=True)
class Obtained:
    """The image of a target: its record, whether this run built it, and why or why not."""

    record: Record
    status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class TargetImages:
    """Where the images of a run's targets come from."""

    context: RunContext
    images: ImageCache
    records: Records
    builder: Builder

    async def obtain(self, target: Target, bases: Mapping[str, Digest]) -> Obtained:
        """The image that is known under the target's key, else imported, else built."""
        with self.builder.expected(target):
            return await self._obtain(target, bases)

    async def _obtain(self, target: Target, bases: Mapping[str, Digest]) -> Obtained:
        context, records = self.context, self.records
        if not context.fresh and target.key and (known := await records.find(target.key)):
            return Obtained(known, Status.REUSED, "its key is known to the registry")
        if target.external:
            record = await records.write(await import_external(context, self.images, target), {})
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
        record = await self.builder.build(target, bases, reason=reason)
        if inputs:
            await write_build_inputs(records.store, inputs)
        return Obtained(record, Status.BUILT, reason)
