"""Convert builds to the files of a catalogue, and plan it before anything is written; what does not plan is set
aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pipeline.catalogue.source import Source, SourceFile
from pipeline.dockerfile.arguments import declared_arguments
from pipeline.dockerfile.bases import find_bases
from pipeline.errors import ConfigError, Problem, UsageError
from pipeline.model import Platform, Reference
from pipeline.plan.make import make_plan
from pipeline.plan.output.disk import Generated
from pipeline.util.dataclass import dataclass
from pipeline.util.suggest import did_you_mean

from .discover import find_builds, holding
from .dockerfile_build import DockerfileBuild
from .image import ConvertedImage, Converter, dockerfiles
from .layout import NO_NAMING, Naming
from .links import LINK, links_to
from .names import own, tags_of
from .options import NOTHING_GIVEN, BuildDefaults, context_folder
from .project import lockage_yml
from .template import ImportedFolder, UnreadableInput, text_of

MADE, ASIDE = "made", "set aside"
_PLATFORM = Platform("linux", "amd64")


@dataclass(frozen=True, slots=True)
class ImportedImage:
    """One image: `done` lists the changes, `by_hand` what the user must check or do."""

    name: str
    dockerfile: str
    status: str
    done: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The image as data."""
        return {
            "image": self.name,
            "dockerfile": self.dockerfile,
            "status": self.status,
            "done": list(self.done),
            "by_hand": list(self.by_hand),
        }


@dataclass(frozen=True, slots=True)
class Imported:
    """The catalogue's files by path (`origin` is a path below the input folder), and the report."""

    files: Mapping[str, Generated]
    images: tuple[ImportedImage, ...]
    bases: tuple[Reference, ...]
    dockerfiles: Mapping[str, str]  # of images, by their folder in the catalogue
    left: tuple[tuple[str, str], ...]  # Dockerfiles and links to them that were not read, with the reason

    @property
    def unread(self) -> tuple[str, ...]:
        """Dockerfiles that belong to no image, though nothing else has their content."""
        return tuple(path for path, reason in self.left if not reason.startswith(LINK))


def import_folder(
    source: Source,
    folder_name: str,
    *,
    project: str,
    prefixes: tuple[str, ...] = (),
    naming: Naming = NO_NAMING,
    given: BuildDefaults = NOTHING_GIVEN,
) -> Imported:
    """The catalogue of a folder of Dockerfiles. `prefixes` are the name prefixes of the user's own images
    (`ghcr.io/acme`); without any, a bare name in FROM may refer to one of them. `given` is for all builds.

    Raises ConfigError for a problem that no single image causes, UsageError for a name of a folder that is none.
    """
    source = _without_catalogue(source)
    builds, left = find_builds(source, folder_name, naming)
    builds = _given(source, builds, given)
    tags = tags_of(builds, _requested_tags(source, builds, prefixes))
    images = Counter(b.image for b in builds)
    folder = ImportedFolder(source, tags, prefixes, _linked(source, builds))
    converter = Converter(folder, {image for image, number in images.items() if number > 1})
    converted, aside, lost = [], [], set[str]()
    for build in builds:
        try:
            converted.append(converter.convert(build))
        except UnreadableInput as error:
            name = f"{build.image}:{build.tag}" if build.tag else build.image
            aside.append(ImportedImage(name, build.dockerfile, ASIDE, (), (str(error),)))
            lost |= tags[build.image].names_of(build.image, build)
    unread = [_variant(image, name, (why,)) for image in converted for name, why in image.unread.items()]
    aside += unread
    lost |= {image.name for image in unread}
    planned, refused, warnings = _planned(converted, project, lost, converter)
    aside += refused
    imported = [
        ImportedImage(o.name, o.build.dockerfile, MADE, o.done, (*o.by_hand, *warnings.get(o.folder, ())))
        for o in planned
    ]
    files: dict[str, Generated] = {}
    for image in planned:
        files |= image.files
    bases = _bases(planned)
    if planned:
        files["lockage.yml"] = Generated("file", content=lockage_yml(project, bases).encode())
    return Imported(
        dict(sorted(files.items())),
        tuple(sorted([*imported, *aside], key=lambda i: (i.name, i.dockerfile))),
        bases,
        {image.folder: image.build.dockerfile for image in planned},
        tuple(left),
    )


def _without_catalogue(source: Source) -> Source:
    """The folder without the files that an earlier import wrote into it."""
    if "lockage.yml" not in source.files:
        return source
    ours = ("images", "dist", ".lockage", "lockage.yml", "lockage.lock")
    return Source({p: e for p, e in source.files.items() if p.partition("/")[0] not in ours}, source.root)


def _given(source: Source, builds: list[DockerfileBuild], given: BuildDefaults) -> list[DockerfileBuild]:
    """The builds with the arguments and the context that the user gives."""
    if given.args:
        declared = {
            name for build in builds for path in dockerfiles(build) for name in _declared(source, path)
        }
        for name in given.args.keys() - declared:
            hint = did_you_mean(name, declared)
            raise UsageError(
                f"--build-arg {name[:80]}: no Dockerfile here has an ARG of this name", hint=hint
            )
        builds = [
            replace(b, options=replace(b.options, args={**b.options.args, **given.args})) for b in builds
        ]
    if given.context is not None:
        context = context_folder(source, given.context)
        builds = [replace(b, context=context, options=replace(b.options, fixed_context=True)) for b in builds]
    return builds


def _declared(source: Source, path: str) -> frozenset[str]:
    try:
        return declared_arguments(text_of(source, path))
    except UnreadableInput:
        return frozenset()


def _linked(source: Source, builds: list[DockerfileBuild]) -> dict[str, str]:
    """The names of images' folders by the names of links to them."""
    words = {build.word for build in builds} - {""}
    return {
        link.path.rpartition("/")[2]: word
        for link in links_to(source, holding(source))
        if link.leads_to and (word := link.leads_to.rpartition("/")[2]) in words
    }


def _requested_tags(
    source: Source, builds: list[DockerfileBuild], prefixes: tuple[str, ...]
) -> dict[str, set[str]]:
    """The tags of imported images that other Dockerfiles use."""
    images = {b.image for b in builds}
    out: dict[str, set[str]] = {}
    for build in builds:
        for path in dockerfiles(build):
            try:
                uses = find_bases(text_of(source, path), _PLATFORM, build.options.args)
            except UnreadableInput:
                continue
            for use in uses.bases:
                named = own(use.name, images, prefixes)
                of_another = named is not None and named.image != build.image
                if named and (of_another or (prefixes and path != build.dockerfile)):
                    out.setdefault(named.image, set()).add(named.tag)
    return out


def _variant(image: ConvertedImage, name: str, reasons: Iterable[str]) -> ImportedImage:
    """A variant that is set aside, when its image is not."""
    return ImportedImage(f"{image.name}-{name}", dict(image.build.variants)[name], ASIDE, (), (*reasons,))


def _planned(
    converted: list[ConvertedImage], project: str, aside: set[str], converter: Converter
) -> tuple[list[ConvertedImage], list[ImportedImage], dict[str, list[str]]]:
    """The images that plan together, the images and variants that are set aside for it, and the plan's warnings by
    folder.

    `aside` are the names of images and variants that are already set aside.
    """
    refused: list[ImportedImage] = []
    planned = list(converted)
    while planned:
        try:
            plan = make_plan(_as_source(planned, project))
        except ConfigError as error:
            wrong = {image.folder: _wrong(error.problems, image, aside) for image in planned}
            if not any(wrong.values()):
                raise
            remaining = []
            for image in planned:
                variants = wrong[image.folder]
                if "" in variants:
                    messages = (
                        *(m for messages_of in variants.values() for m in messages_of),
                        *image.by_hand,
                    )
                    refused.append(ImportedImage(image.name, image.build.dockerfile, ASIDE, (), messages))
                    aside = aside | converter.names_of(image.build)
                elif variants:
                    refused += [_variant(image, name, messages_of) for name, messages_of in variants.items()]
                    aside = aside | {f"{image.name}-{name}" for name in variants}
                    remaining.append(converter.convert(image.build, image.omitted | variants.keys()))
                else:
                    remaining.append(image)
            planned = remaining
            continue
        warnings: dict[str, list[str]] = {}
        for target in plan.targets:
            folder = (target.template or "").rpartition("/")[0]
            mine = warnings.setdefault(folder, [])
            mine += [w for w in target.warnings if w not in mine and "nothing copies" not in w]
        return planned, refused, warnings
    return [], refused, {}


def _wrong(problems: Iterable[Problem], image: ConvertedImage, aside: set[str]) -> dict[str, list[str]]:
    """What a plan says of an image, by variant; that of the whole image is by `""`."""
    wrong: dict[str, list[str]] = {}
    for problem in problems:
        if problem.path.startswith(f"{image.folder}/") or problem.path == image.folder:
            name = _variant_of(problem, image)
            wrong.setdefault(name, []).append(_in_terms_of_folder(problem, image, aside))
    return wrong


def _variant_of(problem: Problem, image: ConvertedImage) -> str:
    names = (name for name, _ in image.build.variants)
    return next((n for n in names if problem.path == f"{image.folder}/Dockerfile.{n}.tmpl"), "")


def _in_terms_of_folder(problem: Problem, image: ConvertedImage, aside: set[str]) -> str:
    """A problem of the plan, with the path and line in the input folder."""
    path = dict(image.build.variants).get(_variant_of(problem, image), image.build.dockerfile)
    if (problem.base if ":" in problem.base else f"{problem.base}:latest") in aside:
        return f"{path}:{problem.line}: it is based on {problem.base}, which is set aside"
    return str(replace(problem, path=path))


def _as_source(converted: Iterable[ConvertedImage], project: str) -> Source:
    """The catalogue as a source; copied files are represented by their names only."""
    files: dict[str, str | bytes | SourceFile] = {}
    for image in converted:
        for path, file in image.files.items():
            kind = file.kind
            if file.content is not None:
                files[path] = file.content
            else:
                files[path] = SourceFile(
                    kind, file.mode, None, file.target, 0, "" if kind == "file" else None
                )
    files["lockage.yml"] = lockage_yml(project, _bases(converted))
    return Source.of(files)


def _bases(converted: Iterable[ConvertedImage]) -> tuple[Reference, ...]:
    return tuple(sorted({reference for image in converted for reference in image.bases}, key=str))
