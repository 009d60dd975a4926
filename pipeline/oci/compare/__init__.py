"""Comparison of two images: equal, or exactly where they differ. Needs no engine and writes nothing."""

from .difference import Comparison, Difference
from .images import Image, compare

__all__ = ["Comparison", "Difference", "Image", "compare"]
