"""Reading the plan that a command's options select."""

from __future__ import annotations

import gc
import os
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.catalogue import read_source
from pipeline.lab.settings import LabSettings
from pipeline.plan import plan_of, select
from pipeline.plan.locked import require_locked
from pipeline.util.dataclass import dataclass

from ..common_options import CatalogueOptions, CommonOptions, TargetSelection
from ..instance.lock_file import known_lock
from ..output.annotations import Annotations

if TYPE_CHECKING:
    from pipeline.catalogue import Source
    from pipeline.config import Lock
    from pipeline.plan import Impact, Plan
    from pipeline.plan.plan import Target


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Which targets of the catalogue in `root`; `locked` refuses bases and tools without a digest."""

    root: Path
    selection: TargetSelection = field(default_factory=TargetSelection)
    locked: bool = False
    snapshot_id: str | None = None
    code_quality: Path | None = None

    @classmethod
    def of(
        cls,
        common: CommonOptions,
        catalogue: CatalogueOptions,
        *,
        locked: bool = False,
        snapshot_id: str | None = None,
    ) -> PlanRequest:
        """The request of a command that selects targets."""
        return cls(common.root, catalogue.selection, locked, snapshot_id, catalogue.report.code_quality)


class PlanReader:
    """Reads the plan of a request, with any lock. A change is looked up, and warnings are shown, only once.

    With the same lock as before the catalogue is not read again: a command plans what it saw when it began.
    """

    def __init__(self, request: PlanRequest) -> None:
        self.request = request
        self.impact: Impact | None = None
        """What the change of the request touches; None without one, and before the first plan."""
        self._warnings_shown = False
        self._latest: tuple[Lock | None, Plan] | None = None

    def read(self, lock: Lock | None) -> Plan:
        """The selected part of the plan with a lock. Raises ConfigError (also for `--locked` and an incomplete lock),
        UsageError."""
        if self._latest is None or self._latest[0] != lock:
            self._latest = lock, self._read(lock)
        return self._latest[1]

    def read_known(self) -> Plan:
        """The plan with the lock in force as far as the disk knows: for commands that need no registry."""
        return self.read(known_lock(self.request.root).read())

    def whole(self, lock: Lock | None) -> Plan:
        """The plan of the whole catalogue, whatever the request leaves to other runs."""
        return self._plan(read_source(self.request.root), lock, TargetSelection())

    def whole_image_tags(self, lock: Lock | None) -> dict[str, tuple[Target, ...]]:
        """The targets of each `image:tag` where the request may leave some to another run; else nothing."""
        if not self.request.selection.leaves_out:
            return {}
        return dict(self.whole(lock).groups())

    def _read(self, lock: Lock | None) -> Plan:
        request, selection = self.request, self.request.selection
        source = read_source(request.root)
        plan = self._plan(source, lock, selection)
        if selection.only:
            plan = select(plan, selection.only)
        if selection.by_change:
            if self.impact is None:  # a lock that this command writes later is no change
                self.impact = self._find_impact(plan, source, lock)
            from .changes import restrict

            plan = restrict(plan, self.impact, selection.patterns)
        if selection.shard:
            from pipeline.plan.shards import shard

            ids = shard(plan, selection.shard.number, selection.shard.count)
            plan = select(plan, ids) if ids else replace(plan, targets=())
        if request.locked:
            require_locked(plan, str(known_lock(request.root).path))
        if not self._warnings_shown:
            self._warnings_shown = True
            Annotations.of(request.root, request.code_quality, os.environ).show_warnings(plan)
        return plan

    def _plan(self, source: Source, lock: Lock | None, selection: TargetSelection) -> Plan:
        gc.disable()  # a plan lives to the end: it is not visited while it is made, nor later
        try:
            return plan_of(
                source,
                cache=LabSettings.from_env(os.environ).cache,
                lock=lock,
                only=selection.targets,
                platforms=selection.platforms,
                snapshot_id=self.request.snapshot_id,
            )
        finally:
            gc.freeze()
            gc.enable()

    def _find_impact(self, plan: Plan, source: Source, lock: Lock | None) -> Impact:
        """What the change touches in the whole plan, without a snapshot; the one at hand is used if it is that."""
        from .changes import find_impact, print_impact

        selection = self.request.selection
        if selection.patterns or selection.platforms or self.request.snapshot_id:
            plan = plan_of(source, cache=LabSettings.from_env(os.environ).cache, lock=lock)
        impact = find_impact(self.request.root, selection, plan)
        print_impact(impact)
        return impact
