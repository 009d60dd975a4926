"""The layers of a target's image: compressed sizes, and the instructions that made them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.model import Digest
from pipeline.plan.layer_lines import from_line, layer_lines
from pipeline.policy.gates.size import SizedLayer
from pipeline.registry.platform_image import read_config
from pipeline.util.json.values import as_list, as_object

from ..target.template_location import template_position

if TYPE_CHECKING:
    from pipeline.plan import Target

    from ..context import RunContext

_History = Sequence[tuple[str, bool]]


async def sized_layers(context: RunContext, target: Target, digest: Digest) -> tuple[SizedLayer, ...]:
    """The layers, lowest first: two requests. Without instructions where the image has no history of its layers.

    Raises RegistryError.
    """
    builds = context.home(digest)
    manifest = await context.registry.get_manifest(builds.at(digest))
    if manifest is None:
        return ()
    history = _history(await read_config(context.registry, builds, manifest))
    created = [created_by for created_by, makes_layer in history if makes_layer]
    if len(created) != len(manifest.layers):
        return tuple(SizedLayer(str(layer.digest), layer.size) for layer in manifest.layers)
    lines, base_line = layer_lines(target, history), from_line(target)
    base = _base_name(target) if base_line else ""
    layers = []
    for layer, instruction, line in zip(manifest.layers, created, lines, strict=True):
        if base and line == base_line:
            layers.append(SizedLayer(str(layer.digest), layer.size, instruction, base=base))
        else:
            place = template_position(context.plan, target, line) if line else ""
            text = _instruction(target, line) if line else instruction
            layers.append(SizedLayer(str(layer.digest), layer.size, text, place))
    return tuple(layers)


def _instruction(target: Target, line: int) -> str:
    """The instruction as the Dockerfile has it: in an image's history, RUN names the values of build arguments."""
    parts = []
    for text in target.dockerfile.splitlines()[line - 1 :]:
        parts.append(text.rstrip().removesuffix("\\").strip())
        if not text.rstrip().endswith("\\"):
            break
    return " ".join(parts)


def _base_name(target: Target) -> str:
    """The base as the Dockerfile names it; empty for scratch."""
    base = target.final_base
    return base.name if base else ""


def _history(config: dict[str, object]) -> _History:
    """Each entry's instruction, and whether it made a layer; none for what is no history."""
    try:
        entries = [as_object(entry) for entry in as_list(config.get("history") or [])]
    except ValueError:
        return ()
    return [(str(entry.get("created_by", "")), not entry.get("empty_layer")) for entry in entries]
