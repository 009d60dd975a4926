"""Find the images in a folder of Dockerfiles, by the names of its folders and files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from pipeline.catalogue.source import Source
from pipeline.model import valid_tag
from pipeline.util.dataclass import dataclass

_PLAIN = ("Dockerfile", "Containerfile", "dockerfile")
_SUFFIXED = re.compile(r"(?:Dockerfile|Containerfile)[.-](.+)")
_PREFIXED = re.compile(r"(.+)\.(?:[Dd]ockerfile|[Cc]ontainerfile)")
_NOT_ONE = re.compile(r".*(?:\.dockerignore|\.tmpl|\.template|\.tpl|\.j2|\.in|\.orig|\.bak|\.swp|~)")
_ODD = re.compile(r"[^a-z0-9]+")
_VARIANT = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class DockerfileBuild:
    """One image to convert: its Dockerfile and its build context (both below the input folder), its tag if a name
    contains one, and the Dockerfiles of its variants by name."""

    image: str
    tag: str | None
    context: str
    dockerfile: str
    variants: tuple[tuple[str, str], ...] = ()


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


def find_builds(source: Source, own_name: str) -> tuple[list[DockerfileBuild], list[tuple[str, str]]]:
    """The images below a folder, sorted, and the Dockerfiles that belong to none, with the reason.

    `own_name` is the image name for a Dockerfile in the folder itself.
    """
    builds, left = list(_top(source, own_name)), []
    for folder in _folders(source, ""):
        name = image_name(folder)
        builds += _in(source, folder, name, None)
        for below in _folders(source, folder):
            builds += _in(source, f"{folder}/{below}", name, below)
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
        if path not in used and (reason := _unused(source, path))
    ]
    return list(taken.values()), left


def image_name(folder: str) -> str:
    """An image's name from a folder's: unchanged, or in lower case with invalid characters replaced by `-`."""
    return folder if _NAME.fullmatch(folder) else _ODD.sub("-", folder.lower()).strip("-") or "image"


def _unused(source: Source, path: str) -> str | None:
    folder, _, name = path.rpartition("/")
    if not is_dockerfile(name):
        return None
    if source.files[path].kind == "link":
        return "is a symbolic link"
    if source.files[path].kind != "file":
        return None
    depth = folder.count("/") + 1 if folder else 0
    if depth > 2:
        return "lies deeper than <name>/<tag>/"
    if any(part.startswith((".", "_")) for part in folder.split("/")):
        return "lies in a folder that starts with . or _"
    return "there is another Dockerfile in its place, or its name gives no tag"


def _top(source: Source, own_name: str) -> Iterator[DockerfileBuild]:
    plain, worded = _files(source, "")
    if plain:
        yield DockerfileBuild(image_name(own_name), None, "", plain[0], _variants("", worded))
        return
    for word, name in worded.items():
        yield DockerfileBuild(image_name(word), None, "", name)


def _in(source: Source, folder: str, image: str, tag: str | None) -> Iterator[DockerfileBuild]:
    if tag is not None and not valid_tag(tag):
        return
    plain, worded = _files(source, folder)
    if plain:
        yield DockerfileBuild(image, tag, folder, f"{folder}/{plain[0]}", _variants(folder, worded))
        return
    for word, name in worded.items():
        own = f"{tag}-{word}" if tag else word
        if valid_tag(own):
            yield DockerfileBuild(image, own, folder, f"{folder}/{name}")


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


def _folders(source: Source, folder: str) -> list[str]:
    names = source.children(folder)
    folders = [n for n in names if source.is_dir(f"{folder}/{n}" if folder else n)]
    return [n for n in folders if not n.startswith((".", "_"))]
