"""SLSA provenance v1 of an index: which run put which platforms together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.util.timestamps import format_timestamp

from .build import builder, source, source_dependency
from .resource import filled, image

if TYPE_CHECKING:
    from pipeline.model import Digest, Platform, Repository
    from pipeline.policy import Revision

    from .origin import Origin

INDEX_TYPE = "https://lockage.org/build/index/v1"


@dataclass(frozen=True, slots=True)
class IndexBuild:
    """An index of these platforms, written at `moment` (seconds since 1970) to `repository`."""

    image: str
    tag: str
    repository: Repository
    platforms: Sequence[tuple[Platform, Digest]]
    revision: Revision
    origin: Origin
    versions: Mapping[str, str]
    moment: int


def index_predicate(build: IndexBuild) -> dict[str, Any]:
    """The predicate. How each platform was built is in the provenance of its own digest."""
    moment = format_timestamp(build.moment)
    return {
        "buildDefinition": {
            "buildType": INDEX_TYPE,
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
