"""SLSA provenance v1 of one build: the image of one target (https://slsa.dev/spec/v1.0/provenance)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.model import Reference
from pipeline.plan.keys import KEY_FORMAT, rootfs_input
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact
from pipeline.util.timestamps import format_timestamp

from .resource import ROLE, content, filled, image

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.policy import Revision

    from .origin import Origin

BUILD_TYPE = "https://lockage.org/build/image/v1"
_IN_BUILD = frozenset({"buildkit", "sbom-generator"})


@dataclass(frozen=True, slots=True)
class Build:
    """One build as it was done.

    `bases` are the images of internal bases by target id, `inherited` the external images that those are based on,
    `tools` the project's tools by name, each by digest; `generator` is whether BuildKit made a bill of materials.
    `versions` are those of what built it. Times are in seconds since 1970.
    """

    target: Target
    bases: Mapping[str, Reference]
    inherited: tuple[Reference, ...]
    tools: Mapping[str, Reference]
    revision: Revision
    origin: Origin
    versions: Mapping[str, str]
    epoch: int
    started: int
    finished: int
    fresh: bool = False
    generator: bool = False
    snapshot: str | None = None


def build_predicate(build: Build) -> dict[str, Any]:
    """The predicate; equal builds give equal data."""
    target, revision = build.target, build.revision
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": filled(
                {
                    "target": target.id,
                    "image": target.image,
                    "tag": target.tag,
                    "platform": str(target.platform),
                    "snapshot": build.snapshot,
                    "secrets": list(target.secrets),
                    "ssh": list(target.ssh),
                    "source": source(build.origin, revision),
                }
            ),
            "internalParameters": filled(
                {
                    "key": target.key,
                    "keyFormat": str(KEY_FORMAT),
                    "sourceDateEpoch": format_timestamp(build.epoch),
                    "created": format_timestamp(revision.created),
                    "cache": "none" if build.fresh else "read",
                    "arguments": dict(target.arguments),
                    "entitlements": list(target.entitlements),
                }
            ),
            "resolvedDependencies": list(_dependencies(build)),
        },
        "runDetails": {
            "builder": builder(build.origin, build.versions)
            | filled({"builderDependencies": list(_builder_dependencies(build))}),
            "metadata": filled(
                {
                    "invocationId": build.origin.invocation,
                    "startedOn": format_timestamp(build.started),
                    "finishedOn": format_timestamp(build.finished),
                    "lockage_rebuildable": rebuildable(target, revision),
                }
            ),
        },
    }


def builder(origin: Origin, versions: Mapping[str, str]) -> dict[str, Any]:
    """Who built."""
    return {"id": origin.builder, "version": dict(versions) | filled({"runner": origin.runner})}


def source(origin: Origin, revision: Revision) -> dict[str, Any]:
    """The repository and commit, as external parameters."""
    return filled(
        {
            "repository": origin.uri,
            "ref": origin.ref_of(revision),
            "commit": revision.sha,
            "path": origin.path,
            "modified": revision.dirty or None,
        }
    )


def source_dependency(origin: Origin, revision: Revision) -> Iterator[dict[str, Any]]:
    """The commit as a dependency, where there is one."""
    if revision.sha:
        ref = origin.ref_of(revision)
        uri = f"{origin.uri}@{ref}" if ref else origin.uri
        yield filled(
            {
                "name": "source",
                "uri": uri if origin.uri else "",
                "digest": {"gitCommit": revision.sha},
                "annotations": {ROLE: "source"},
            }
        )


def rebuildable(target: Target, revision: Revision) -> bool:
    """Whether all that it was built from is a commit or has a digest, without secrets: then its provenance is enough to
    build it again. What RUN instructions fetched is not known."""
    addresses = any(named.url for named in target.contexts)
    return bool(revision.sha) and not (revision.dirty or target.secrets or target.ssh or addresses)


def _dependencies(build: Build) -> Iterator[dict[str, Any]]:
    target = build.target
    yield from source_dependency(build.origin, build.revision)
    yield content("dockerfile", target.template or "Dockerfile", target.dockerfile.encode())
    yield content("rootfs", "rootfs", compact(rootfs_input(target.rootfs)))
    for id, reference in build.bases.items():
        yield image("internal-base", id, reference, target.platform)
    for base in dict.fromkeys((b.name, b.on, b.reference) for b in target.bases if b.reference):
        name, platform, external = base
        assert external
        yield image("base", name, external, platform or target.platform)
    for reference in build.inherited:
        yield image("inherited", Reference(reference.repository, reference.tag).familiar, reference)
    for named in target.contexts:
        if named.reference:
            yield image("context", named.name, named.reference, target.platform)
        elif named.url:
            yield {"name": named.name, "uri": named.url, "annotations": {ROLE: "context"}}
        elif not named.target_id:
            yield content("context", named.name, compact(rootfs_input(named.entries)))
    if target.syntax:
        yield image("frontend", "syntax", target.syntax)
    for name, tool in sorted(build.tools.items()):
        if name == "buildkit" or (name == "sbom-generator" and build.generator):
            yield image("tool", name, tool)


def _builder_dependencies(build: Build) -> Iterator[dict[str, Any]]:
    """What examines the image: it is no part of the build."""
    for name, tool in sorted(build.tools.items()):
        if name not in _IN_BUILD and tool.digest:
            yield image("tool", name, tool)
    for check in build.target.checks:
        if check.image and check.image.digest:
            yield image("check", check.name, check.image, build.target.platform)
