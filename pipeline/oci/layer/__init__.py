"""Layers as data: their tar entries read under limits, whatever they are compressed with."""

from .decompress import decompressed
from .entry import Kind, LayerEntry, LayerFault, LayerLimits
from .read import entries

__all__ = ["Kind", "LayerEntry", "LayerFault", "LayerLimits", "decompressed", "entries"]
