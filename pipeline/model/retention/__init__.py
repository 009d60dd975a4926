"""Retention: what is kept in the repositories of environments and in the repository of builds, as frozen values."""

from .rules import BuildsRetention, EnvironmentRetention, Retention, RetentionDates, RetentionRule

__all__ = [
    "BuildsRetention",
    "EnvironmentRetention",
    "Retention",
    "RetentionDates",
    "RetentionRule",
]
