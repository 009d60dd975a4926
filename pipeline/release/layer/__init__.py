"""Layers as data: their tar entries read under limits, whatever they are compressed with."""

from .entry import Entry, Kind, LayerFault, Limits
from .plain import decompressed
from .read import entries

__all__ = ["Entry", "Kind", "LayerFault", "Limits", "decompressed", "entries"]
