"""SLSA provenance v1 of an index, and of an archive: which run put which platforms together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.util.dataclass import dataclass
from pipeline.util.timestamps import format_timestamp

from .build import builder, source, source_dependency
from .resource import filled, image

if TYPE_CHECKING:
    from pipeline.model import Digest, Platform, Repository
    from pipeline.policy import Revision

    from .origin import Origin

INDEX_TYPE = "https://lockage.org/build/index/v1"
ARCHIVE_TYPE = "https://lockage.org/build/archive/v1"


@dataclass(frozen=True, slots=True)
class IndexBuild:
    """These platforms of `repository`, put together at `moment` (seconds since 1970)."""

    image: str
    tag: str
    repository: Repository
    platforms: Sequence[tuple[Platform, Digest]]
    revision: Revision
    origin: Origin
    versions: Mapping[str, str]
    moment: int


def index_predicate(build: IndexBuild) -> dict[str, Any]:
    """The predicate of an index. How each platform was built is in the provenance of its own digest."""
    return _predicate(build, INDEX_TYPE)


def archive_predicate(build: IndexBuild) -> dict[str, Any]:
    """The predicate of a file that holds these platforms; it names their digests, which lead to how they were built."""
    return _predicate(build, ARCHIVE_TYPE)


def _predicate(build: IndexBuild, build_type: str) -> dict[str, Any]:
    moment = format_timestamp(build.moment)
    return {
        "buildDefinition": {
            "buildType": build_type,
            "externalParameters": {
                "image": build.image,
                "tag": build.tag,
                "platforms": [str(platform) for platform, _ in build.platforms],
                "source": source(build.origin, build.revision),
            },
            "internalParameters": {"created": format_timestamp(build.revision.created)},
            "resolvedDependencies": [
                *source_dependency(build.origin, build.revision),
                *(
                    image("platform", str(platform), build.repository.at(digest), platform)
                    for platform, digest in build.platforms
                ),
            ],
        },
        "runDetails": {
            "builder": builder(build.origin, build.versions),
            "metadata": filled(
                {"invocationId": build.origin.invocation, "startedOn": moment, "finishedOn": moment}
            ),
        },
    }
