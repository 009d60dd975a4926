"""What a run works with: the plan, the places, the hands. Made by a front, read by the stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from pipeline import policy
from pipeline.config import Environment
from pipeline.engine.buildkit.daemon import PATIENCE
from pipeline.errors import ConfigError, Problem
from pipeline.model import Digest, Mirrors, Platform, Reference, Repository
from pipeline.plan import Plan, Target
from pipeline.policy import Revision
from pipeline.state.run_state import PublishedState, RunState
from pipeline.trust import PublicKey

from .engines import Engines, LazyEngine
from .target.caches import CacheSite
from .target.epoch import Epochs
from .target.secrets import NoSecrets, Secrets

if TYPE_CHECKING:
    from pipeline.registry import Registry
    from pipeline.state.records import Record

Report = Callable[[str, str, str], None]
"""`report(subject, stage, detail)`: what is going on, for whoever shows it."""


@dataclass(frozen=True, slots=True)
class Signing:
    """A cosign key pair: the sealed private half and its password, or None to only verify."""

    public: bytes
    origin: str
    private: bytes | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)

    @property
    def fingerprint(self) -> str:
        """The digest of the public half."""
        return str(Digest.of(self.public))

    @property
    def key(self) -> PublicKey:
        """The public half, ready to check bundles."""
        return PublicKey(self.public, self.origin)


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How much happens at once, one limiter a resource, shared by the whole run; and how long an answer may take."""

    builds: anyio.CapacityLimiter
    tools: anyio.CapacityLimiter
    patience: float = PATIENCE  # seconds in which BuildKit has to answer

    @classmethod
    def of(cls, jobs: int, patience: float = PATIENCE) -> RunLimits:
        """`jobs` builds and as many tool steps."""
        return cls(anyio.CapacityLimiter(jobs), anyio.CapacityLimiter(jobs), patience)


@dataclass(frozen=True, slots=True)
class RunContext:
    """Everything the stages need. `contexts` is where build contexts are written, `cache` what was fetched."""

    plan: Plan
    registry: Registry
    engine: LazyEngine
    host: str  # of the embedded registry
    mirrors: Mirrors
    signing: Signing
    revision: Revision
    today: date
    contexts: Path
    cache: Path
    limits: RunLimits
    report: Report
    fresh: bool = False  # build although the key is known, and without BuildKit's cache
    epochs: Epochs = field(default_factory=Epochs, repr=False)
    secrets: Secrets = field(default_factory=NoSecrets, repr=False)
    caches: CacheSite = field(default_factory=CacheSite, repr=False)
    kept: RunState = field(
        default_factory=lambda: RunState(PublishedState(date.min))
    )  # what earlier runs left; made by `run`
    others: Mapping[Platform, LazyEngine] = field(default_factory=dict)  # engines for single platforms
    whole: Mapping[str, frozenset[Platform]] = field(
        default_factory=dict
    )  # of `image:tag`, where some are left out
    recalled: dict[str, Record | None] = field(default_factory=dict, repr=False)  # by key, once a run

    @property
    def engines(self) -> Engines:
        """The engine of each platform."""
        return Engines(self.engine, self.others)

    @property
    def builds(self) -> Repository:
        """The repository that remembers key -> digest."""
        return self.plan.project.builds_repository(embedded=self.host)

    def repository(self, environment: Environment, image: str) -> Repository:
        """Where an image lives in an environment."""
        return self.plan.project.repository(environment, image, embedded=self.host)

    def tool(self, name: str) -> Reference:
        """A tool's image, by digest, where this site has it. Raises ConfigError when the lock lacks it."""
        reference = self.plan.tools[name]
        if reference.digest is None:
            problem = Problem("lockage.lock", 0, 0, f"tools.{name}", f"{reference} is not locked")
            raise ConfigError([problem], hint="lockage lock")
        return self.mirrors.locate(reference).by_digest

    def tool_version(self, name: str) -> str:
        """A tool's version as its reference names it, without a leading v."""
        return (self.plan.tools[name].tag or "").removeprefix("v")

    def commit_tags(self, target: Target) -> tuple[str, ...]:
        """The tags of what this run makes of a target's image tag, in the first environment: the commit's, or in a
        snapshot the snapshot's alone."""
        if self.plan.snapshot_id:
            return target.tags
        return policy.commit_tags(self.revision, target.tag, self.plan.project.commit_tags)

    def lasting_tags(self, target: Target) -> frozenset[str]:
        """Those of the commit's tags that name one commit for good: what a branch, a pull request, a snapshot or a
        work tree with changes is called moves on, and has to be looked at."""
        if self.plan.snapshot_id or self.revision.dirty or not self.revision.sha:
            return frozenset()
        templates = [t for t in self.plan.project.commit_tags if t.fields & {"sha", "short"}]
        return frozenset(policy.commit_tags(self.revision, target.tag, templates))
