"""From builds to the files of a catalogue, planned before anything is written; what does not plan is set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pipeline.catalogue.source import Source, SourceFile
from pipeline.dockerfile.bases import find_bases
from pipeline.errors import ConfigError, Problem
from pipeline.model import Platform, Reference
from pipeline.plan.make import make_plan
from pipeline.plan.output.disk import Generated

from .discover import DockerfileBuild, find_builds
from .image import One, Unusable, dockerfiles, make_one, text_of
from .names import own, tags_of
from .project import lockage_yml

MADE, ASIDE = "made", "set aside"
_PLATFORM = Platform("linux", "amd64")


@dataclass(frozen=True, slots=True)
class ImportedImage:
    """One image: `done` is what was changed on the way, `by_hand` what a person has to look at or do."""

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
    """The catalogue's files by path (`origin` is a path below the folder that was read), and what is to be said."""

    files: Mapping[str, Generated]
    images: tuple[ImportedImage, ...]
    bases: tuple[Reference, ...]
    left: tuple[tuple[str, str], ...]  # Dockerfiles that were not read, with the reason


def import_folder(
    source: Source, folder_name: str, *, project: str, prefixes: tuple[str, ...] = ()
) -> Imported:
    """The catalogue of a folder of Dockerfiles. `prefixes` are what one's own images are called in front
    (`ghcr.io/acme`); without any, FROM means one of them by its bare name.

    Raises ConfigError for what is no single image's fault.
    """
    source = _without_catalogue(source)
    builds, left = find_builds(source, folder_name)
    tags = tags_of(builds, _asked(source, builds, prefixes))
    ones, aside = [], []
    images = Counter(b.image for b in builds)
    for build in builds:
        try:
            ones.append(make_one(source, build, tags, prefixes, in_folder=images[build.image] > 1))
        except Unusable as error:
            aside.append(ImportedImage(build.image, build.dockerfile, ASIDE, (), (str(error),)))
    kept, refused, warnings = _planned(ones, project, {i.name for i in aside})
    aside += [
        ImportedImage(o.name, o.build.dockerfile, ASIDE, (), (*messages, *o.by_hand))
        for o, messages in refused
    ]
    made = [
        ImportedImage(o.name, o.build.dockerfile, MADE, o.done, (*o.by_hand, *warnings.get(o.folder, ())))
        for o in kept
    ]
    files: dict[str, Generated] = {}
    for one in kept:
        files |= one.files
    bases = _bases(kept)
    if kept:
        files["lockage.yml"] = Generated("file", content=lockage_yml(project, bases).encode())
    return Imported(
        dict(sorted(files.items())),
        tuple(sorted([*made, *aside], key=lambda i: (i.name, i.dockerfile))),
        bases,
        tuple(left),
    )


def _without_catalogue(source: Source) -> Source:
    """The folder without what an earlier import into it has made."""
    if "lockage.yml" not in source.files:
        return source
    ours = ("images", "dist", ".lockage", "lockage.yml", "lockage.lock")
    return Source({p: e for p, e in source.files.items() if p.partition("/")[0] not in ours}, source.root)


def _asked(source: Source, builds: list[DockerfileBuild], prefixes: tuple[str, ...]) -> dict[str, set[str]]:
    """The tags by which Dockerfiles name images that are imported, too."""
    images = {b.image for b in builds}
    out: dict[str, set[str]] = {}
    for build in builds:
        for path in dockerfiles(build):
            try:
                uses = find_bases(text_of(source, path), _PLATFORM)
            except Unusable:
                continue
            for use in uses.bases:
                named = own(use.name, images, prefixes)
                elsewhere = named is not None and named.image != build.image
                if named and (elsewhere or (prefixes and path != build.dockerfile)):
                    out.setdefault(named.image, set()).add(named.tag)
    return out


def _planned(
    ones: list[One], project: str, aside: set[str]
) -> tuple[list[One], list[tuple[One, list[str]]], dict[str, list[str]]]:
    """Those that plan together, the others with what is wrong with them, and the plan's warnings by folder.

    `aside` are the images that are set aside already.
    """
    refused: list[tuple[One, list[str]]] = []
    kept = list(ones)
    while kept:
        try:
            plan = make_plan(_as_source(kept, project))
        except ConfigError as error:
            wrong: dict[str, list[str]] = {}
            for problem in error.problems:
                for one in kept:
                    if problem.path.startswith(f"{one.folder}/") or problem.path == one.folder:
                        wrong.setdefault(one.folder, []).append(_told(problem, one, aside))
            if not wrong:
                raise
            refused += [(one, wrong[one.folder]) for one in kept if one.folder in wrong]
            aside = aside | {one.build.image for one in kept if one.folder in wrong}
            kept = [one for one in kept if one.folder not in wrong]
            continue
        warnings: dict[str, list[str]] = {}
        for target in plan.targets:
            folder = (target.template or "").rpartition("/")[0]
            mine = warnings.setdefault(folder, [])
            mine += [w for w in target.warnings if w not in mine and "nothing copies" not in w]
        return kept, refused, warnings
    return [], refused, {}


def _told(problem: Problem, one: One, aside: set[str]) -> str:
    """A problem of the plan in the terms of the folder that was read."""
    _, _, variant = problem.path.rpartition("/")[2].removesuffix(".tmpl").partition(".")
    path = dict(one.build.variants).get(variant, one.build.dockerfile)
    if problem.base.partition(":")[0] in aside:
        return f"{path}:{problem.line}: it is based on {problem.base}, which is set aside"
    return str(replace(problem, path=path))


def _as_source(ones: Iterable[One], project: str) -> Source:
    """The catalogue as it would be read; what is copied counts by its name alone."""
    files: dict[str, str | bytes | SourceFile] = {}
    for one in ones:
        for path, file in one.files.items():
            kind = file.kind
            if file.content is not None:
                files[path] = file.content
            else:
                files[path] = SourceFile(
                    kind, file.mode, None, file.target, 0, "" if kind == "file" else None
                )
    files["lockage.yml"] = lockage_yml(project, _bases(ones))
    return Source.of(files)


def _bases(ones: Iterable[One]) -> tuple[Reference, ...]:
    return tuple(sorted({reference for one in ones for reference in one.bases}, key=str))
