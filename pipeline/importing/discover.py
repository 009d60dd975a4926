"""Find the images in a folder of Dockerfiles, by the names of its folders and files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from pipeline.catalogue.source import Source
from pipeline.errors import UsageError
from pipeline.model import valid_tag
from pipeline.util.suggest import nearest

from .declared import find_declared, is_build_file
from .declared.matching import matched
from .dockerfile_build import DockerfileBuild
from .layout import NO_NAMING, ImagePlace, Naming
from .links import LINK, end_of, links_to

_PLAIN = ("Dockerfile", "Containerfile", "dockerfile")
_SUFFIXED = re.compile(r"(?:Dockerfile|Containerfile)[.-](.+)")
_PREFIXED = re.compile(r"(.+)\.(?:[Dd]ockerfile|[Cc]ontainerfile)")
_NOT_ONE = re.compile(r".*(?:\.dockerignore|\.tmpl|\.template|\.tpl|\.j2|\.in|\.orig|\.bak|\.swp|~)")
_ODD = re.compile(r"[^a-z0-9]+")
_VARIANT = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
DEEPER = "lies deeper than <name>/<tag>/"


def dockerfile_names(names: tuple[str, ...]) -> tuple[list[str], dict[str, str]]:
    """The plain Dockerfiles among the names in a folder, and the others by the word in their name."""
    plain = [n for n in _PLAIN if n in names]
    worded: dict[str, str] = {}
    for name in names:
        match = None if _NOT_ONE.fullmatch(name) else _SUFFIXED.fullmatch(name) or _PREFIXED.fullmatch(name)
        if match:
            worded.setdefault(match[1], name)
    return plain, worded


def is_dockerfile(name: str) -> bool:
    """Whether a file has the name of a Dockerfile."""
    plain, worded = dockerfile_names((name,))
    return bool(plain or worded)


def is_read(name: str) -> bool:
    """Whether an import reads the text of a file with this name."""
    return is_dockerfile(name) or name.endswith(".dockerignore") or is_build_file(name)


def declared_dockerfiles(source: Source) -> frozenset[str]:
    """The names of Dockerfiles that only a compose or bake file tells to be ones."""
    names = (build.dockerfile.rpartition("/")[2] for build in find_declared(source).builds)
    return frozenset(name for name in names if not is_dockerfile(name))


def find_builds(
    source: Source, own_name: str, naming: Naming = NO_NAMING
) -> tuple[list[DockerfileBuild], list[tuple[str, str]]]:
    """The images below a folder, sorted, and the Dockerfiles that belong to none, with the reason.

    `own_name` is the image name for a Dockerfile in the folder itself. Raises UsageError for a name of a folder that
    is none.
    """
    builds = [] if naming.layouts else list(_top(source, own_name, naming))
    for place in filter(None, map(naming.place, holding(source))):
        builds += _in(source, place)
    declared = find_declared(source)
    builds = matched(builds, declared.builds, naming)
    _check_names(naming, {b.word for b in builds})
    left = [*_linked(source, naming), *declared.left]
    images = Counter(b.image for b in builds)
    builds = [replace(b, tag="latest") if b.tag is None and images[b.image] > 1 else b for b in builds]
    taken: dict[tuple[str, str | None], DockerfileBuild] = {}
    for build in sorted(builds, key=lambda b: (b.image, b.tag or "", b.dockerfile)):
        first = taken.setdefault((build.image, build.tag), build)
        if first is not build:
            what = build.image + (f":{build.tag}" if build.tag else "")
            left.append((build.dockerfile, f"{what} is made from {first.dockerfile} already"))
    used = {path for b in builds for path in (b.dockerfile, *(p for _, p in b.variants))}
    left += [
        (path, reason)
        for path in sorted(source.files)
        if path not in used and (reason := _unused(source, path, naming))
    ]
    return list(taken.values()), left


def holding(source: Source) -> list[str]:
    """The folders with files that may be Dockerfiles, sorted, without the folder itself."""
    folders = {path.rpartition("/")[0] for path in source.files if is_dockerfile(path.rpartition("/")[2])}
    return sorted(folders - {""})


def _check_names(naming: Naming, words: set[str]) -> None:
    for word in naming.names.keys() - words:
        near = nearest(word.rpartition("/")[2], words - {""})
        hint = (
            f"--name {near}={naming.names[word]}"
            if near
            else "--name takes the name of a folder with a Dockerfile"
        )
        if naming.image:
            hint = "--image already names every image"
        raise UsageError(
            f"--name {word[:80]}={naming.names[word]}: no image is named after {word[:80]!r}", hint=hint
        )


def _linked(source: Source, naming: Naming) -> Iterator[tuple[str, str]]:
    """The links to folders that hold a Dockerfile, and those outside that may be an image's folder."""
    for link in links_to(source, holding(source)):
        if link.leads_to is not None:
            yield link.path, f"{LINK} to {link.written}"
        elif "." not in link.path and naming.place(link.path):
            yield link.path, f"{LINK} to {link.written}, outside of the folder"


def _unused(source: Source, path: str, naming: Naming) -> str | None:
    folder, _, name = path.rpartition("/")
    if not is_dockerfile(name):
        return None
    if source.files[path].kind == "link":
        target, leads_to = source.files[path].target, end_of(source, path)
        read = (
            leads_to is not None and is_dockerfile(leads_to.rpartition("/")[2]) and leads_to in source.files
        )
        return f"{LINK} to {target}" if read else f"leads to {target}, which is not read"
    if source.files[path].kind != "file":
        return None
    if naming.layouts:
        return "matches no --layout, or its name gives no tag"
    depth = folder.count("/") + 1 if folder else 0
    if depth > 2:
        return DEEPER
    if any(part.startswith((".", "_")) for part in folder.split("/")):
        return "lies in a folder that starts with . or _"
    return "there is another Dockerfile in its place, or its name gives no tag"


def _top(source: Source, own_name: str, naming: Naming) -> Iterator[DockerfileBuild]:
    plain, worded = _files(source, "")
    if plain:
        image = naming.image or naming.name_of(own_name)
        yield DockerfileBuild(image, None, "", plain[0], _variants("", worded), own_name)
        return
    for word, name in worded.items():
        tag = word if naming.image and valid_tag(word) else None
        yield DockerfileBuild(naming.image or naming.name_of(word), tag, "", name, (), word)


def _in(source: Source, place: ImagePlace) -> Iterator[DockerfileBuild]:
    folder, image, tag = place.folder, place.image, place.tag
    if tag is not None and not valid_tag(tag):
        return
    plain, worded = _files(source, folder)
    if plain:
        variants = _variants(folder, worded)
        yield DockerfileBuild(image, tag, folder, f"{folder}/{plain[0]}", variants, place.word)
        return
    for word, name in worded.items():
        own = f"{tag}-{word}" if tag else word
        if valid_tag(own):
            yield DockerfileBuild(image, own, folder, f"{folder}/{name}", (), place.word)


def _variants(folder: str, worded: dict[str, str]) -> tuple[tuple[str, str], ...]:
    variants: dict[str, str] = {}
    for word, name in sorted(worded.items()):
        variant = word if _VARIANT.fullmatch(word) else _ODD.sub("-", word.lower()).strip("-")
        if variant:
            variants.setdefault(variant, f"{folder}/{name}" if folder else name)
    return tuple(variants.items())


def _files(source: Source, folder: str) -> tuple[list[str], dict[str, str]]:
    names = source.children(folder)
    inside = tuple(n for n in names if source.files[f"{folder}/{n}" if folder else n].kind == "file")
    return dockerfile_names(inside)
