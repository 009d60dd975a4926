"""Changes of tags that were planned, saved, and are performed later or not at all."""

from .change import PlannedChange, deletions_of
from .plan import PlanOutdated, SavedPlan
from .schema import SCHEMA

__all__ = ["SCHEMA", "PlanOutdated", "PlannedChange", "SavedPlan", "deletions_of"]
