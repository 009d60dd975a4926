"""A repository of one image under retention, on a real registry: runs as separate processes make them."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.model import Descriptor, Digest, Manifest, Repository
from pipeline.model.retention import EnvironmentRetention, Retention, RetentionRule
from pipeline.policy.retention import DAY, RetentionPlan
from pipeline.registry import Registry
from pipeline.registry.http.messages import Request, Response
from pipeline.release.retention.deletion import Deletion
from pipeline.release.retention.perform import Outcome, perform_retention
from pipeline.release.retention.planning import plan_retention
from pipeline.release.retention.scope import RetainedRepository, RetentionRequest, RetentionScope
from pipeline.state.ledger import load_ledger
from pipeline.state.signers import Signers
from pipeline.state.store import Store
from pipeline.trust.keypair import KeyPair
from tests.registry import images
from tests.tools.signing.bundles import pair

_names = itertools.count()
NOW = 1_800_000_000
EXPIRED = (RetentionRule(("old-*", "sha256-*"), days=7), RetentionRule(("keep-*",), forever=True))


@dataclass
class Yard:
    """`dev/app` and a repository of builds beside it, both new; tags named `old-…` are expired a month from now."""

    host: str
    rules: Sequence[RetentionRule] = EXPIRED
    untagged: int | None = None
    request: RetentionRequest = field(default_factory=RetentionRequest)
    deletions: Mapping[Repository, Deletion] = field(default_factory=dict)
    now: int = NOW
    key: KeyPair = field(default_factory=pair)

    def __post_init__(self) -> None:
        number = next(_names)
        self.repository = Repository(self.host, f"yard{number}/dev/app")
        self.builds = Repository(self.host, f"yard{number}/builds")

    def store(self, registry: Registry) -> Store:
        return Store(registry, self.builds, Signers.of("yard", self.key))

    def scope(self, registry: Registry) -> RetentionScope:
        retention = Retention({"dev": EnvironmentRetention(tuple(self.rules), self.untagged)})
        place = RetainedRepository(self.repository, "dev", "app")
        store = self.store(registry)
        return RetentionScope(
            registry, store, retention, (place,), self.now, self.request, deletions=self.deletions
        )

    async def plan(self) -> RetentionPlan:
        async with Registry() as registry:
            return (await plan_retention(self.scope(registry)))[0]

    async def apply(self, registry: Registry | None = None) -> Outcome:
        """Plan and perform."""
        async with Registry() as own:
            scope = self.scope(registry or own)
            (outcome,) = await perform_retention(scope, *await plan_retention(scope, fresh=True))
            return outcome

    async def aged(self) -> None:
        """Let a first run see everything, and a month pass."""
        first = await self.apply()
        assert not first.deleted and not first.fault
        self.later()

    def later(self, days: int = 30) -> None:
        self.now += days * DAY

    async def push(self, seed: str, *tags: str, **options: object) -> images.Image:
        """An image of two platforms under tags."""
        image = images.image(seed, layers=1, **options)  # type: ignore[arg-type]
        async with Registry() as registry:
            await images.push(registry, self.repository, image)
            for tag in tags:
                await self.tag(image.index, tag, registry)
        return image

    async def tag(self, manifest: Manifest, tag: str, registry: Registry | None = None) -> None:
        async with Registry() as own:
            await (registry or own).put_manifest(self.repository, manifest.raw, manifest.media_type, tag=tag)

    async def attach(self, subject: Descriptor, text: str) -> Manifest:
        async with Registry() as registry:
            return await images.attach(registry, self.repository, subject, text)

    async def there(self, *manifests: Manifest | Digest) -> list[bool]:
        """Whether each is there."""
        digests = [m if isinstance(m, Digest) else m.digest for m in manifests]
        async with Registry() as registry:
            return [await registry.head(self.repository.at(d)) is not None for d in digests]

    async def tags(self) -> set[str]:
        """All tags but the lists of referrers."""
        async with Registry() as registry:
            return {t for t in await registry.tags(self.repository) if not t.startswith("sha256-")}

    async def deletions_recorded(self) -> list[tuple[str, bool]]:
        """The newest entry of the ledger: what it names, and whether it is complete."""
        async with Registry() as registry:
            newest = (await load_ledger(self.store(registry), "dev")).newest
            return [(change.name, newest.complete) for change in newest.changes] if newest else []


def within(yard: Yard, **request: object) -> Yard:
    """The same with another request."""
    yard.request = replace(yard.request, **request)  # type: ignore[arg-type]
    return yard


async def killed_before_write(yard: Yard, number: int) -> None:
    """A run that is killed, as by `kill -9`, in place of its n-th request that writes."""
    writes = itertools.count(1)
    async with Registry() as registry:
        transport = registry._transport
        send = transport.send

        async def killing(request: Request) -> Response:
            if not request.reads and next(writes) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return await send(request)

        transport.send = killing  # type: ignore[method-assign]
        await yard.apply(registry)
