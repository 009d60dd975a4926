"""What a run publishes of one image tag, and where to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.model import Digest, Platform, Reference, Repository
from pipeline.util.dataclass import dataclass

from ..platform_refs import PlatformRef
from ..results import ImageResult, Stage
from .image_claims import ImageClaims
from .push import Pushed

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.plan import Target
    from pipeline.state.record import Record
    from pipeline.state.run_state import PublishedTag

    from ..context import RunContext


@dataclass(frozen=True, slots=True)
class Destination:
    """An environment that an image tag is promoted to, the image's repository there, and the tags."""

    environment: Environment
    repository: Repository
    tags: tuple[str, ...]

    @property
    def references(self) -> tuple[Reference, ...]:
        """The tags as references."""
        return tuple(self.repository.tagged(tag) for tag in self.tags)


@dataclass(frozen=True, slots=True)
class Publication:
    """One image tag: its targets with their records in plan order, and where they go.

    `repository` is the image's in the first environment. There the index gets the `commit_tags`; the `lasting_tags`
    among them never move. `missing` are the platforms that this run leaves to others. `destinations` are where
    it is promoted to. `claims` are what its signatures say they are for. With
    `compares`, what is attached is read again although the run state says that everything is. `closed` are the ids of
    targets whose gates are closed.
    """

    targets: tuple[Target, ...]
    records: tuple[Record, ...]
    repository: Repository
    commit_tags: tuple[str, ...]
    lasting_tags: frozenset[str]
    missing: tuple[Platform, ...]
    signs: bool
    compares: bool
    destinations: tuple[Destination, ...]
    claims: ImageClaims
    closed: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        context: RunContext,
        targets: Sequence[Target],
        records: Sequence[Record],
        until: Stage,
        to: Sequence[Environment],
    ) -> Publication:
        """What a run up to `until` publishes; `to` are the environments to promote to."""
        target, first = targets[0], context.plan.project.environments[0]
        every = {t.platform for t in context.whole.get(target.name, ())}
        promotes = until is Stage.PROMOTE and not context.plan.snapshot_id
        return cls(
            tuple(targets),
            tuple(records),
            context.first_repository(target.image),
            context.commit_tags(target),
            context.lasting_tags(target),
            tuple(sorted(every - {t.platform for t in targets})),
            until.signs,
            until is Stage.SIGN,
            tuple(
                Destination(environment, context.repository(environment, target.image), target.tags)
                for environment in to
                if promotes and environment != first
            ),
            ImageClaims.of(context, targets),
        )

    @property
    def name(self) -> str:
        """`image:tag`."""
        return self.targets[0].name

    @property
    def state_name(self) -> str:
        """Its name in the run state."""
        return str(self.repository.tagged(self.targets[0].tags[0]))

    @property
    def is_dirty(self) -> bool:
        """Whether a platform was built from a work tree with changes."""
        return any(record.is_dirty for record in self.records)

    @property
    def digests(self) -> tuple[Digest, ...]:
        """The digests of its platforms in the repository of builds."""
        return tuple(record.digest for record in self.records)

    @property
    def platforms(self) -> list[Pushed]:
        """Its platforms as they are in the repository of builds."""
        pairs = zip(self.targets, self.records, strict=True)
        return [Pushed(target.platform, record.digest, record.attestations) for target, record in pairs]

    def refs(self, pushed: Sequence[Reference]) -> tuple[PlatformRef, ...]:
        """Its platforms as they were pushed, for a file of refs."""
        return tuple(
            PlatformRef(t.id, t.image, t.tag, t.platform, record.key, reference)
            for t, record, reference in zip(self.targets, self.records, pushed, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Published:
    """The result of one image tag in the first environment; with a publication, it is still to be promoted."""

    result: ImageResult
    publication: Publication | None = None
    state: PublishedTag | None = None
