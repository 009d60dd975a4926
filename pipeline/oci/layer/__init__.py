"""Reading of layers: their tar entries under limits, with any compression."""

from .decompress import decompressed
from .entry import EntryKind, LayerEntry, LayerFault, LayerLimits, Usage
from .read import entries

__all__ = ["EntryKind", "LayerEntry", "LayerFault", "LayerLimits", "Usage", "decompressed", "entries"]
