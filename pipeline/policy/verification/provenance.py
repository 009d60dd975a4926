"""What SLSA provenance says, as far as rules ask for it (SLSA v1.0, Provenance, predicateType slsa.dev/provenance/v1).

The predicate was signed by somebody who is trusted, and may still be of any shape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_list, as_object, as_optional_text, as_text_mapping
from pipeline.util.timestamps import parse_timestamp

_GIT = re.compile(r"git\+(?P<repository>[^@#?]+)(?:@(?P<ref>[^#?]*))?")
_BASES = ("base", "inherited")  # roles, as docs/provenance-build-type.md lists them
_IMAGE = ("pkg:docker/", "pkg:oci/")
_MOST = 10_000  # dependencies that are read; a larger list is refused


@dataclass(frozen=True, slots=True)
class Dependency:
    """One thing that went into a build."""

    uri: str
    role: str
    digests: tuple[str, ...]

    @property
    def is_base(self) -> bool:
        """Whether it is a base image from elsewhere; where nothing says what images were for, each is."""
        return self.role in _BASES if self.role else self.uri.startswith(_IMAGE)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who built an image, from what, and when it was finished (seconds since 1970).

    `modified` is whether the checkout differed from `commit`, so that it was built from no commit at all.
    """

    builder: str
    build_type: str
    source: str | None
    ref: str | None
    commit: str | None
    modified: bool
    finished: int | None
    dependencies: tuple[Dependency, ...]

    @property
    def branch(self) -> str | None:
        """The branch that was built, if it was one."""
        return _below("refs/heads/", self.ref)

    @property
    def tag(self) -> str | None:
        """The git tag that was built, if it was one."""
        return _below("refs/tags/", self.ref)

    @classmethod
    def of(cls, predicate: Mapping[str, object]) -> Provenance:
        """Read a predicate. Raises ValueError for what is not provenance."""
        definition, run = as_object(predicate.get("buildDefinition")), as_object(predicate.get("runDetails"))
        builder = as_optional_text(as_object(run.get("builder")).get("id"))
        build_type = as_optional_text(definition.get("buildType"))
        if not builder or not build_type:
            raise ValueError("it names no builder or no build type")
        dependencies = _dependencies(definition.get("resolvedDependencies"))
        source, ref, commit = _source(dependencies)
        parameters = as_object(definition.get("externalParameters") or {})
        named = parameters.get("source")
        checkout = named if isinstance(named, dict) else {}
        metadata = as_object(run.get("metadata") or {})
        finished = as_optional_text(metadata.get("finishedOn") or metadata.get("startedOn"))
        return cls(
            builder,
            build_type,
            source or as_optional_text(checkout.get("repository")),
            ref or as_optional_text(checkout.get("ref")),
            commit or as_optional_text(checkout.get("commit")),
            bool(checkout.get("modified")),
            None if finished is None else parse_timestamp(finished),
            dependencies,
        )


def _dependencies(value: object) -> tuple[Dependency, ...]:
    entries = as_list(value or [])
    if len(entries) > _MOST:
        raise ValueError(f"{len(entries)} dependencies, more than {_MOST}")
    out = []
    for entry in map(as_object, entries):
        digests = as_text_mapping(entry.get("digest") or {})
        named = (f"{algorithm}:{value}" for algorithm, value in sorted(digests.items()))
        annotations = as_object(entry.get("annotations") or {})
        uri, role = as_optional_text(entry.get("uri")), as_optional_text(annotations.get("role"))
        out.append(Dependency(uri or "", role or "", tuple(named)))
    return tuple(out)


def _source(dependencies: tuple[Dependency, ...]) -> tuple[str | None, str | None, str | None]:
    """Repository, ref and commit of the first git checkout among them (`git+<repository>@<ref>`, SPDX's form)."""
    for dependency in dependencies:
        match = _GIT.fullmatch(dependency.uri)
        if match:
            commits = (
                d.partition(":")[2] for d in dependency.digests if d.startswith(("gitCommit:", "sha1:"))
            )
            return match["repository"], match["ref"] or None, next(commits, None)
    return None, None, None


def _below(prefix: str, ref: str | None) -> str | None:
    return ref.removeprefix(prefix) if ref is not None and ref.startswith(prefix) else None
