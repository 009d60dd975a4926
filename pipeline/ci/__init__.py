"""The CI that a run is in: its event, commit, addresses and files, as typed values from documented variables."""

from __future__ import annotations

from .event import EventKind, JobEvent
from .job import Job, Provider, job_of, main_branch, provider_of, read_event

__all__ = ["EventKind", "Job", "JobEvent", "Provider", "job_of", "main_branch", "provider_of", "read_event"]
