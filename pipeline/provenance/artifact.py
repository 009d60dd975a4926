"""SLSA provenance v1 of files that were packed into an OCI artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.util.dataclass import dataclass
from pipeline.util.timestamps import format_timestamp

from .build import builder, source, source_dependency
from .resource import ROLE, digest_set, filled

if TYPE_CHECKING:
    from pipeline.model import Digest
    from pipeline.policy import Revision

    from .origin import Origin

ARTIFACT_TYPE = "https://lockage.org/build/artifact/v1"


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file by the name and media type that it has in the artifact."""

    name: str
    media_type: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class ArtifactBuild:
    """An artifact of these files, pushed at `moment` (seconds since 1970) from a checkout at `revision`."""

    name: str
    artifact_type: str
    files: Sequence[PackedFile]
    revision: Revision
    origin: Origin
    versions: Mapping[str, str]
    moment: int


def artifact_predicate(build: ArtifactBuild) -> dict[str, Any]:
    """The predicate. It says which files were packed where; that they are those of the commit, nobody has checked."""
    moment = format_timestamp(build.moment)
    return {
        "buildDefinition": {
            "buildType": ARTIFACT_TYPE,
            "externalParameters": filled(
                {
                    "artifact": build.name,
                    "artifactType": build.artifact_type,
                    "files": [{"name": file.name, "mediaType": file.media_type} for file in build.files],
                    "source": source(build.origin, build.revision),
                }
            ),
            "resolvedDependencies": [
                *source_dependency(build.origin, build.revision),
                *(
                    {"name": file.name, "digest": digest_set(file.digest), "annotations": {ROLE: "file"}}
                    for file in build.files
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
