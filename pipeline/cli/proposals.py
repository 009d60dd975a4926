"""Whether a run is one of a change that nobody has reviewed, and what it may then do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from pipeline.ci import JobEvent, read_event
from pipeline.errors import UsageError
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.config import Project
    from pipeline.model import Repository
    from pipeline.registry import Registry
    from pipeline.run import Stage
    from pipeline.state.proposal import ProposalNames
    from pipeline.trust import PublicKey


class Reach(StrEnum):
    """What a run may write to: the project's repositories, those of proposals, or the instance's own registry alone."""

    PROJECT = "project"
    PROPOSALS = "proposals"
    INSTANCE = "instance"


@dataclass(frozen=True, slots=True)
class Trust:
    """How far a run is trusted: what it may write to and whether it gets the secrets of builds; `reason` says why
    it is restricted."""

    reach: Reach = Reach.PROJECT
    secrets: bool = True
    reason: str = ""

    @classmethod
    def of(cls, event: JobEvent | None, *, no_push: bool = False) -> Trust:
        """By the event of the job and `--no-push`, which only ever restricts."""
        if event is not None and event.proposed and event.fork:
            return cls(Reach.INSTANCE, secrets=False, reason=f"{_name(event)} comes from a fork")
        if no_push:
            return cls(Reach.INSTANCE, reason="--no-push")
        if event is not None and event.proposed:
            return cls(Reach.PROPOSALS, reason=f"this is {_name(event)}")
        return cls()

    @property
    def note(self) -> str:
        """What a run reports when it begins; empty for one that is not restricted."""
        if self.reach is Reach.PROJECT:
            return ""
        if self.reach is Reach.PROPOSALS:
            return f"{self.reason}: images are pushed to repositories of their own, not signed, not promoted"
        secrets = "" if self.secrets else "; builds get no secrets"
        return f"{self.reason}: nothing is pushed, signed or promoted{secrets}"

    def last_stage(self, until: Stage) -> Stage:
        """The last stage of a run that would go up to `until`."""
        from pipeline.run import Stage

        return until if self.reach is Reach.PROJECT or until.number < Stage.PUSH.number else Stage.PUSH


def read_trust(environ: Mapping[str, str], *, no_push: bool = False) -> Trust:
    """How far the run of this job is trusted. Raises UsageError."""
    return Trust.of(read_event(environ), no_push=no_push)


def require_reviewed(command: str) -> None:
    """Refuse a command that writes to the project's repositories for a pull request. Raises UsageError."""
    trust = read_trust(os.environ)
    if trust.reach is not Reach.PROJECT:
        raise UsageError(
            f"{trust.reason}: `lockage {command}` writes to what releases trust",
            hint="run it for a branch or tag of the project; `lockage run` builds and judges pull requests",
        )


@dataclass(frozen=True, slots=True)
class ProposalSite:
    """Where proposals of `project` are kept: beside `builds`, or in the instance's registry `host`. `trusted` sign the
    project's records."""

    project: Project
    builds: Repository
    host: str
    trusted: tuple[PublicKey, ...]

    def proposal(self, trust: Trust, registry: Registry) -> ProposalNames | None:
        """For a run that is trusted this far."""
        from pipeline.state.proposal import ProposalNames, aside
        from pipeline.state.signers import Signers
        from pipeline.state.store import Store
        from pipeline.state.upstream import Upstream

        if trust.reach is Reach.PROJECT:
            return None
        near = trust.reach is Reach.PROPOSALS
        store = Store(registry, self.builds, Signers(self.project.project, None, others=self.trusted))
        suffix = self.project.pull_request_suffix
        builds = aside(self.builds, suffix, None if near else self.host)
        return ProposalNames(builds, Upstream(store, near), near, suffix)


def _name(event: JobEvent) -> str:
    return f"pull request {event.number}" if event.number else "a pull request"
