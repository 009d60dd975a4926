"""Two images beside each other: equal, or exactly where they are not. Nothing is written, no engine is needed."""

from .difference import Comparison, Difference
from .images import Image, compare

__all__ = ["Comparison", "Difference", "Image", "compare"]
