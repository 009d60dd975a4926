"""The reports of several jobs as one: `report.json` read back, and merged."""

from __future__ import annotations

from .merge import merged
from .read import read_report

__all__ = ["merged", "read_report"]
