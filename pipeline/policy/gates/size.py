"""The size gate: the compressed size of one platform against a budget, and against what an environment holds."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.model.gates import SizeGate
from pipeline.util.dataclass import dataclass
from pipeline.util.sizes import decimal_size

from .judgement import Judgement

_BLAMED = 3  # layers in a reason
_INSTRUCTION = 80  # characters


@dataclass(frozen=True, slots=True)
class SizedLayer:
    """A layer: its digest, its compressed size in bytes, the instruction that made it, and where that is written
    (`images/python/Dockerfile.tmpl:7`). `base` is the image that it came with; empty for the image's own."""

    digest: str
    size: int
    instruction: str = ""
    place: str = ""
    base: str = ""

    def __str__(self) -> str:
        if self.base:
            return f"{decimal_size(self.size)} of its base {self.base}"
        instruction = " ".join(self.instruction.split()) or "an instruction that the image does not name"
        cut = f"{instruction[: _INSTRUCTION - 1]}…" if len(instruction) > _INSTRUCTION else instruction
        return f"{decimal_size(self.size)} by {cut}" + (f" ({self.place})" if self.place else "")


@dataclass(frozen=True, slots=True)
class PublishedImage:
    """What an environment holds for comparison: its reference, its size as that of evidence, its layers by digest.

    One that nobody trusted has signed is `unverified` and compared with nothing: whoever may write a tag would set the
    limit."""

    reference: str
    size: int
    layers: frozenset[str] = frozenset()
    unverified: str = ""


def judge_size(
    size: int, gate: SizeGate, layers: Iterable[SizedLayer] = (), published: PublishedImage | None = None
) -> Judgement:
    """The judgement of an image of `size` bytes; growth only where something is published."""
    layers = tuple(layers)
    reasons: list[str] = []
    notes: list[str] = []
    if gate.max is not None and size > gate.max:
        text = f"{size} bytes compressed, {size - gate.max} more than the limit of {gate.max}"
        reasons.append(text + blame(layers))
    elif gate.target is not None and size > gate.target:
        text = f"{size} bytes compressed, {size - gate.target} more than the target of {gate.target}"
        notes.append(text + blame(layers))
    if gate.growth is not None and published and published.unverified:
        notes.append(f"growth is not judged: {published.unverified}")
    elif gate.growth is not None and published and size > (limit := gate.growth.limit(published.size)):
        text = f"{size} bytes compressed, {size - published.size} more than {published.reference}"
        allowed = f"{size - limit} more than growth ({gate.growth}) allows"
        new = [layer for layer in layers if layer.digest not in published.layers]
        reasons.append(f"{text}, {allowed}{blame(new, 'largest new layers')}")
    return Judgement(tuple(reasons), tuple(notes))


def is_exceeded(size: int, gate: SizeGate, published: PublishedImage | None) -> bool:
    """Whether there is anything to say, so that layers are worth looking up."""
    judged = judge_size(size, gate, (), published)
    return bool(judged.reasons or judged.notes)


def blame(layers: Iterable[SizedLayer], what: str = "largest layers") -> str:
    """The largest layers with what made them, as the end of a reason; those of a base are one."""
    own: list[SizedLayer] = []
    bases: dict[str, int] = {}
    for layer in layers:
        if layer.base:
            bases[layer.base] = bases.get(layer.base, 0) + layer.size
        else:
            own.append(layer)
    merged = [*own, *(SizedLayer("", size, base=base) for base, size in bases.items())]
    largest = sorted(merged, key=lambda layer: (-layer.size, layer.instruction))[:_BLAMED]
    return f"; {what}: {', '.join(map(str, largest))}" if largest else ""
