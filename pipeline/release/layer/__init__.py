"""Layers as data: their tar entries read under limits, written in one form, compressed in one way."""

from .entry import Entry, Kind, LayerFault, Limits
from .normal import NormalLayer, normal_layer
from .plain import decompressed
from .read import entries
from .times import CONTEXT, NEVER, Times

__all__ = [
    "CONTEXT",
    "NEVER",
    "Entry",
    "Kind",
    "LayerFault",
    "Limits",
    "NormalLayer",
    "Times",
    "decompressed",
    "entries",
    "normal_layer",
]
