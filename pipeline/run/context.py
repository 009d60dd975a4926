"""What a run is given: the plan, registries, engines, keys and limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import anyio

from pipeline import policy
from pipeline.config import Environment
from pipeline.engine.buildkit.config import PATIENCE
from pipeline.model import Digest, Fallbacks, Mirrors, Platform, Repository
from pipeline.model.vex import VexSubject
from pipeline.plan import Plan, Target
from pipeline.policy import Revision
from pipeline.provenance import Origin
from pipeline.state.proposal import ProposalNames, project_of
from pipeline.state.signers import Signers
from pipeline.state.store import Store
from pipeline.trust.keypair import KeyPair
from pipeline.util.concurrency import PriorityLimiter, Slots
from pipeline.util.dataclass import dataclass
from pipeline.util.progress import ProgressCallback, ProgressEvent, ProgressState

from .engines import Engines, LazyEngine
from .publish.promotion import PromotionOptions
from .secrets import NoSecrets, Secrets
from .tools import ToolImages

if TYPE_CHECKING:
    from pipeline.registry import Registry
    from pipeline.state.upstream import Upstream
    from pipeline.trust import PublicKey, Signatory
    from pipeline.trust.signatory import StatementSigner

    from .gates.rules import RulesInForce


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How much happens at once, one limiter for each resource of the run, and how long BuildKit may take to answer."""

    builds: PriorityLimiter
    tools: anyio.CapacityLimiter
    scanner_caches: Slots
    patience: float = PATIENCE  # in seconds

    @classmethod
    def of(cls, jobs: int, patience: float = PATIENCE) -> RunLimits:
        """`jobs` builds and as many tool steps."""
        return cls(PriorityLimiter(jobs), anyio.CapacityLimiter(jobs), Slots(jobs), patience)


@dataclass(frozen=True, slots=True)
class CacheSite:
    """What build caches depend on beside lockage.yml.

    Local caches are relative to `root`; where it is None, folders of the caller's machine are out of reach. `main` is
    the main branch where it is known. `variables` are those of `cache.VARIABLES` that are set. With `reads`, nothing is
    written to a cache, as for a pull request.
    """

    root: Path | None = None
    main: str = ""
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    reads: bool = False


@dataclass(frozen=True, slots=True)
class RunContext:
    """Everything that a run is given.

    `host` is the embedded registry's. Build contexts are written to `contexts`, downloads to `cache`. `engine` serves
    every platform that `others` does not. `whole` has the targets of all platforms of each `image:tag` where the plan
    leaves out some.
    With `fresh`, known targets are built again, without BuildKit's cache; `offline`, the scanner's data is what the
    cache has. `source_date_epoch` overrides the epoch that bases give, in seconds since 1970. Records that the keys in
    `trusted` signed count beside those of `signing`. `image_signer`, if any, signs images instead of it.
    `promotion` is what the caller allows, `rules` what environments want of images, by name. `origin` gives what
    provenance says of where it runs; it is called when something is attested. `proposal` is set for a change that
    nobody has reviewed. Unless it is `entitled`, the run grants no RUN what `entitlements:` of lockage.yml grant.
    """

    plan: Plan
    registry: Registry
    engine: LazyEngine
    host: str
    mirrors: Mirrors
    signing: KeyPair
    revision: Revision
    today: date
    contexts: Path
    cache: Path
    limits: RunLimits
    report: ProgressCallback
    fresh: bool = False
    offline: bool = False
    source_date_epoch: int | None = None
    secrets: Secrets = field(default_factory=NoSecrets, repr=False)
    caches: CacheSite = field(default_factory=CacheSite, repr=False)
    others: Mapping[Platform, LazyEngine] = field(default_factory=lambda: MappingProxyType({}))
    whole: Mapping[str, tuple[Target, ...]] = field(default_factory=lambda: MappingProxyType({}))
    trusted: tuple[PublicKey, ...] = ()
    image_signer: StatementSigner | None = field(default=None, repr=False)
    promotion: PromotionOptions = field(default_factory=PromotionOptions)
    origin: Callable[[], Origin] = Origin
    rules: Mapping[str, RulesInForce] = field(default_factory=lambda: MappingProxyType({}))
    proposal: ProposalNames | None = None
    entitled: bool = True

    @property
    def signatory(self) -> Signatory:
        """Who signs images: an identity or the key of a service, else the key pair, which signs records in any case.
        Raises ConfigError for a public key that cannot be read."""
        return self.image_signer.signatory if self.image_signer else self.signing.public_key

    @property
    def signed_by(self) -> Digest:
        """The fingerprint of who signs images and in which schemes, as the run state has it."""
        signer = self.image_signer.signatory.fingerprint if self.image_signer else self.signing.fingerprint
        return Digest.of(f"tag\n{signer}".encode()) if self.plan.project.tag_signatures else signer

    @property
    def engines(self) -> Engines:
        """The engine of each platform."""
        return Engines(self.engine, self.others)

    @property
    def tools(self) -> ToolImages:
        """The images of the tools, where this site has them."""
        return ToolImages(self.plan.tools, self.mirrors)

    @property
    def builds(self) -> Repository:
        """The repository of builds that this run writes to."""
        if self.proposal:
            return self.proposal.builds
        return self.plan.project.builds_repository(embedded=self.host)

    @property
    def fallbacks(self) -> Fallbacks:
        """Where to read what the project's registry cannot give."""
        return self.plan.project.fallbacks(embedded=self.host)

    @property
    def upstream(self) -> Upstream | None:
        """The project's repository of builds, where this run only reads it."""
        return self.proposal.upstream if self.proposal else None

    @property
    def publishing_key(self) -> Signatory:
        """Who signs what the project publishes. Raises ConfigError for a key that cannot be read."""
        trusted = self.upstream.store.signers.trusted if self.upstream else ()
        return trusted[0] if trusted else self.signatory

    def home(self, digest: Digest) -> Repository:
        """The repository of builds that has an image of a record, and its documents."""
        if self.proposal and digest in self.proposal.upstream.holds:
            return self.proposal.upstream.repository
        return self.builds

    def store(self) -> Store:
        """What is remembered in the repository of builds, for one run. Raises ConfigError for a public key that cannot
        be read."""
        project = self.plan.project.project
        signers = Signers.of(project_of(project) if self.proposal else project, self.signing, self.trusted)
        return Store(self.registry, self.builds, signers)

    def repository(self, environment: Environment, image: str) -> Repository:
        """The repository of an image in an environment."""
        return self.plan.project.repository(environment, image, embedded=self.host)

    def first_repository(self, image: str) -> Repository:
        """The repository that an image is pushed to: that of the first environment, or beside it for a proposal."""
        repository = self.repository(self.plan.project.environments[0], image)
        return self.proposal.repository(repository) if self.proposal else repository

    def repositories(self, image: str) -> tuple[Repository, ...]:
        """The repositories of an image in all environments; of a proposal, where it is pushed."""
        every = (self.repository(environment, image) for environment in self.plan.project.environments)
        return (self.first_repository(image),) if self.proposal else tuple(every)

    def subject(self, image: str, digest: Digest) -> VexSubject:
        """An image as VEX may name it: its digest, and its repositories in all environments and their secondaries."""
        repositories = (self.repository(place, image) for place in self.plan.project.places)
        return VexSubject(frozenset({str(digest)}), frozenset(map(str, repositories)))

    def commit_tags(self, target: Target) -> tuple[str, ...]:
        """The tags that this commit gives a target's image tag in the first environment; in a snapshot, the snapshot's
        alone."""
        if self.plan.snapshot_id:
            return target.tags
        return policy.commit_tags(
            self.revision, target.tag, self.plan.project.commit_tags, tested=target.is_tested
        )

    def lasting_tags(self, target: Target) -> frozenset[str]:
        """Those of the commit tags that name one commit for good. The tags of a branch, a pull request, a snapshot or a
        modified work tree move, and have to be requested."""
        if self.plan.snapshot_id or self.revision.dirty or not self.revision.sha:
            return frozenset()
        templates = [t for t in self.plan.project.commit_tags if t.fields & {"sha", "short"}]
        return frozenset(policy.commit_tags(self.revision, target.tag, templates, tested=target.is_tested))

    def tell_distrusted(self, store: Store | Upstream) -> None:
        """Warn once of everything in the repository of builds that was treated as if it were not there."""
        for warning in store.warnings:
            self.tell("", ProgressState.WARNING, warning)

    def tell(self, subject: str, state: ProgressState, detail: str = "") -> None:
        """Report one event."""
        self.report(ProgressEvent(subject, state, detail))
