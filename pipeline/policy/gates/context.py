"""What gates consider beside the evidence about a digest: the plan, the image's layers, what is published."""

from __future__ import annotations

from dataclasses import field

from pipeline.util.dataclass import dataclass

from ..judged_findings import VexEvidence
from .size import PublishedImage, SizedLayer


@dataclass(frozen=True, slots=True)
class GateContext:
    """`untested` says that the image has neither a test nor a check. Layers are looked up where the size gate has
    something to say, `published` where growth is limited. `vex` is what VEX is matched with; without it, statements
    about images by name or digest, and what is attested, take nothing out."""

    untested: bool = False
    layers: tuple[SizedLayer, ...] = ()
    published: PublishedImage | None = None
    vex: VexEvidence = field(default_factory=VexEvidence)
