"""Which Dockerfiles declared builds build, and under which names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from pipeline.model import Reference, valid_tag

from ..dockerfile_build import DockerfileBuild
from ..layout import Naming
from ..options import BuildOptions
from .build import DeclaredBuild


def matched(
    discovered: Sequence[DockerfileBuild], declared: Sequence[DeclaredBuild], naming: Naming
) -> list[DockerfileBuild]:
    """The found builds, where those whose Dockerfile is declared are as declared. A declared build without an image
    keeps the name that was found, if it is the only one of its Dockerfile."""
    builds = _united(declared)
    number = Counter(build.dockerfile for build in builds)
    by_dockerfile = {build.dockerfile: build for build in discovered}
    out: list[DockerfileBuild] = []
    for build in builds:
        same = by_dockerfile.pop(build.dockerfile, None)
        named = _named(build, naming)
        if same and number[build.dockerfile] == 1 and not build.image:
            named = replace(same, context=build.context)
        elif same:
            named = replace(named, variants=same.variants)
        options = BuildOptions(
            args=build.args,
            fixed_context=True,
            platforms=build.platforms,
            target=build.target,
            where=build.where,
            notes=build.notes,
        )
        out.append(replace(named, options=options))
    own = {build.dockerfile for build in builds}
    rest = [build for build in discovered if build.dockerfile not in own]
    return [_without(build, own) for build in (*out, *rest)]


def _without(build: DockerfileBuild, declared: Collection[str]) -> DockerfileBuild:
    """A build without the variants that are builds of their own."""
    variants = tuple((name, path) for name, path in build.variants if path not in declared)
    return build if variants == build.variants else replace(build, variants=variants)


def _united(declared: Sequence[DeclaredBuild]) -> list[DeclaredBuild]:
    """Builds that differ only in platforms, or in who names no image, are one."""
    out: list[DeclaredBuild] = []
    for build in declared:
        same = next((i for i, other in enumerate(out) if _same(build, other)), None)
        if same is None:
            out.append(build)
            continue
        first = out[same]
        out[same] = replace(
            first,
            image=first.image or build.image,
            platforms=tuple(dict.fromkeys((*first.platforms, *build.platforms))),
            notes=tuple(dict.fromkeys((*first.notes, *build.notes))),
        )
    return out


def _same(one: DeclaredBuild, other: DeclaredBuild) -> bool:
    if one.image and other.image and one.image != other.image:
        return False
    return (one.dockerfile, one.context, one.args, one.target) == (
        other.dockerfile,
        other.context,
        other.args,
        other.target,
    )


def _named(build: DeclaredBuild, naming: Naming) -> DockerfileBuild:
    """The build under the name and tag of its image, or the name that its file gives it."""
    word, tag = build.name, None
    if build.image:
        try:
            reference = Reference.parse(build.image)
            word, tag = reference.repository.path.rpartition("/")[2], reference.tag
        except ValueError:
            word, tag = build.name, None
    if naming.image:
        only = tag or (word if valid_tag(word) else None)
        return DockerfileBuild(naming.image, only, build.context, build.dockerfile)
    return DockerfileBuild(naming.name_of(word), tag, build.context, build.dockerfile, (), word)
