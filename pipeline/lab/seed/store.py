"""Made images kept as OCI layouts in the cache, each under a key of all its inputs."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.model import Descriptor, Reference
from pipeline.util.canonical_json import compact
from pipeline.util.file_lock import locked

from ..settings import LabSettings, Report
from .layout import SeedLayout


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """Something to seed: the official reference it stands in for, its inputs, and how it is made."""

    name: str
    reference: Reference
    inputs: Mapping[str, object]
    make: Callable[[SeedLayout], Awaitable[None]]

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits over everything that decides the content."""
        return hashlib.sha256(compact(self.inputs)).hexdigest()[:12]


def cached(item: Item, settings: LabSettings) -> Path | None:
    """The item's finished layout, or None. Makes nothing."""
    folder = _folder(item, settings)
    return folder if (folder / "index.json").is_file() else None


def root(layout: Path) -> Descriptor:
    """The one manifest or index that a finished layout is about."""
    try:
        return Descriptor.from_oci(json.loads((layout / "index.json").read_bytes())["manifests"][0])
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise EnvironmentProblem(
            f"{layout} is damaged: {error}",
            hint=f"remove it (rm -r {layout}), then run the same command again",
        ) from error


async def ensure(item: Item, settings: LabSettings, report: Report) -> Path:
    """The item's layout, made now if the cache does not hold it; one process makes, the others wait."""
    if folder := cached(item, settings):
        return folder
    seeds = settings.cache / "seed"
    step = f"seed {item.name}"
    async with locked(seeds / f".lock-{item.name}", step, lambda who: report(step, f"waiting for {who}")):
        if folder := cached(item, settings):
            return folder
        for stale in seeds.glob(f".new-{item.name}-*"):  # we hold the lock: whoever made it is gone
            shutil.rmtree(stale, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=f".new-{item.name}-", dir=seeds) as temporary:
            fresh = Path(temporary) / "layout"
            fresh.mkdir()
            await item.make(SeedLayout(fresh))
            final = _folder(item, settings)
            shutil.rmtree(final, ignore_errors=True)
            fresh.rename(final)
    return final


def _folder(item: Item, settings: LabSettings) -> Path:
    return settings.cache / "seed" / f"{item.name}-{item.key}"
