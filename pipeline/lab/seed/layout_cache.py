"""Built images, kept as OCI layouts in the cache under a key of all their inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.model import Descriptor, Platform, Reference
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact

from ..cache import CachedFolder, build_once
from ..layout.builder import LayoutBuilder
from ..settings import LabSettings, StepCallback


@dataclass(frozen=True, slots=True)
class SeedContext:
    """What building a stand-in needs: its platform, the lab's settings, and whom to report to."""

    platform: Platform
    settings: LabSettings
    report: StepCallback


@dataclass(frozen=True, slots=True, eq=False)
class SeedItem:
    """A stand-in to seed: the official reference it replaces, its inputs, and how it is built."""

    name: str
    reference: Reference
    inputs: Mapping[str, object]
    build: Callable[[LayoutBuilder], Awaitable[None]]

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits over everything that determines the content."""
        return hashlib.sha256(compact(self.inputs)).hexdigest()[:12]


def cached_layout(item: SeedItem, settings: LabSettings) -> Path | None:
    """The item's layout if the cache has it, else None. Builds nothing."""
    entry = _entry(item, settings)
    return entry.path if entry.complete else None


def layout_manifest(layout: Path) -> Descriptor:
    """The only manifest or index that a cached layout lists."""
    try:
        return Descriptor.from_oci(json.loads((layout / "index.json").read_bytes())["manifests"][0])
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise EnvironmentProblem(
            f"{layout} is damaged: {error}",
            hint=f"remove it (rm -r {layout}), then run the same command again",
        ) from error


async def ensure_layout(item: SeedItem, settings: LabSettings, report: StepCallback) -> Path:
    """The item's layout, built now unless the cache has it; other processes wait for the one that builds."""

    async def build(work: Path) -> Path:
        layout = work / "layout"
        layout.mkdir()
        await item.build(LayoutBuilder(layout))
        return layout

    return await build_once(_entry(item, settings), build, f"seed {item.name}", report)


def _entry(item: SeedItem, settings: LabSettings) -> CachedFolder:
    return CachedFolder(settings.cache / "seed" / f"{item.name}-{item.key}", "index.json", item.name)
