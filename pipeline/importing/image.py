"""One imported image: its files in the catalogue, the changes, and what the user must check."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from pipeline.catalogue.source import IMAGES, ROOTFS, SourceFile
from pipeline.dockerfile.arguments import declared_arguments
from pipeline.model import Reference
from pipeline.plan.output.disk import Generated
from pipeline.util.dataclass import dataclass

from .dockerfile_build import DockerfileBuild
from .dockerignore import above
from .image_yml import ImageYml
from .template import ImportedFolder, MissingSource, TemplateMaker, UnreadableInput, text_of


@dataclass(frozen=True, slots=True)
class ConvertedImage:
    """A converted image; `folder` is its folder in the catalogue. `unread` are the variants that are left out because
    they cannot be read, with the reason; `omitted` are all that are left out."""

    build: DockerfileBuild
    name: str
    folder: str
    files: Mapping[str, Generated]
    bases: frozenset[Reference]
    done: tuple[str, ...]
    by_hand: tuple[str, ...]
    unread: Mapping[str, str]
    omitted: frozenset[str]


def dockerfiles(build: DockerfileBuild) -> Iterator[str]:
    """The Dockerfiles of a build and its variants."""
    yield build.dockerfile
    for _, path in build.variants:
        yield path


class Converter:
    """Converts the builds of a folder; images of `in_folder` have a folder for each tag."""

    def __init__(self, given: ImportedFolder, in_folder: Collection[str]) -> None:
        self._given, self._in_folder = given, in_folder

    def convert(self, source: DockerfileBuild, omitted: frozenset[str] = frozenset()) -> ConvertedImage:
        """The files of one build and its variants, except those to be omitted or that cannot be read. Raises
        UnreadableInput."""
        known, build = self._given.tags[source.image], self._with_context(source)
        tag = next(t for t, b in known.real.items() if b is source)
        in_folder = build.image in self._in_folder
        folder = f"{IMAGES}/{build.image}" + (f"/{tag}" if in_folder else "")
        files: dict[str, Generated] = {}
        unread: dict[str, str] = {}
        parts: list[TemplateMaker] = []
        for variant, path in (("", build.dockerfile), *build.variants):
            if variant in omitted:
                continue
            part = TemplateMaker(self._given, build, path)
            try:
                template = part.template(f"{tag}-{variant}" if variant else tag)
            except UnreadableInput as error:
                if not variant:
                    raise
                unread[variant] = str(error)
                continue
            parts.append(part)
            files[f"{folder}/Dockerfile{f'.{variant}' if variant else ''}.tmpl"] = template
        context = {path: entry for part in parts for path, entry in part.context.items()}
        for path, entry in sorted(context.items()):
            files[f"{folder}/{ROOTFS}/{path}"] = _copied(f"{build.context}/{path}".lstrip("/"), entry)
        omitted |= unread.keys()
        variants = tuple(name for name, _ in build.variants if name not in omitted)
        described = ImageYml(
            build.dockerfile,
            3 if in_folder else 2,
            tag,
            tuple(alias for alias, listed in known.listed.items() if listed == tag),
            variants,
            self._arguments(build, variants),
            build.options.platforms,
            not context,
        ).text()
        files[f"{folder}/image.yml"] = Generated("file", content=described.encode())
        done = (
            [f"context, arguments and platforms as {where} has them"]
            if (where := build.options.where)
            else []
        )
        done += [f"variant {name}, from {path}" for name, path in build.variants if name not in omitted]
        done += [line for part in parts for line in part.done]
        if build.context != source.context:
            done.append(f"its context is {build.context or 'the folder read'}, which has what it copies")
        arguments = [name for args in self._arguments(build, variants).values() for name in args]
        if arguments:
            done.append(f"args: {', '.join(dict.fromkeys(arguments))}, in image.yml")
        if context:
            number, inside = len(context), build.context or "the folder"
            paths = "1 path" if number == 1 else f"{number} paths"
            done.append(f"{paths} of {inside} below rootfs/, and COPY takes them from there")
        return ConvertedImage(
            source,
            f"{build.image}:{tag}",
            folder,
            files,
            frozenset(base for part in parts for base in part.bases),
            tuple(dict.fromkeys(done)),
            tuple(dict.fromkeys([*build.options.notes, *(line for part in parts for line in part.by_hand)])),
            MappingProxyType(unread),
            omitted,
        )

    def _arguments(self, build: DockerfileBuild, variants: Collection[str]) -> dict[str, dict[str, str]]:
        """The build arguments that Dockerfiles declare, by the variant that adds them."""
        given, out = build.options.args, dict[str, dict[str, str]]()
        for variant, path in (("", build.dockerfile), *build.variants):
            if given and (not variant or variant in variants):
                declared = declared_arguments(text_of(self._given.source, path)) - out.get("", {}).keys()
                out[variant] = {name: value for name, value in given.items() if name in declared}
        return out

    def names_of(self, build: DockerfileBuild) -> set[str]:
        """The names in FROM that refer to a build."""
        return self._given.tags[build.image].names_of(build.image, build)

    def _with_context(self, build: DockerfileBuild) -> DockerfileBuild:
        """The build with the nearest context above its own that has what the Dockerfile copies, if its own has not."""
        if build.options.fixed_context:
            return build
        folders = (build.context, *above(build.context), *([""] if build.context else []))
        for folder in folders:
            moved = replace(build, context=folder)
            try:
                TemplateMaker(self._given, moved, build.dockerfile).template("")
            except MissingSource:
                continue
            except UnreadableInput:
                break
            return moved
        return build


def _copied(origin: str, entry: SourceFile) -> Generated:
    if entry.kind == "link":
        return Generated("link", 0o777, target=entry.target)
    if entry.kind == "dir":
        return Generated("dir", entry.mode)
    return Generated("file", entry.mode, None, origin)
