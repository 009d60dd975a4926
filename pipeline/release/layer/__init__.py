"""Layers as data: their tar entries read under limits, written in one form, compressed in one way."""

from .entry import Entry, Kind, LayerFault, Limits
from .normal import NormalLayer, normal_layer
from .plain import decompressed
from .read import entries

__all__ = [
    "Entry",
    "Kind",
    "LayerFault",
    "Limits",
    "NormalLayer",
    "decompressed",
    "entries",
    "normal_layer",
]
