"""Changes of tags that were planned, saved, and are performed later or not at all."""

from .plan import PlanOutdated, SavedPlan
from .schema import SCHEMA

__all__ = ["SCHEMA", "PlanOutdated", "SavedPlan"]
