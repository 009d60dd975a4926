"""Decide whether FROM names one of the imported images, by prefix and tag, or an external one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from pipeline.catalogue.aliases import automatic_aliases
from pipeline.model import Reference, Repository
from pipeline.model.reference import DOCKER_HUB
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from .dockerfile_build import DockerfileBuild

_ODD = re.compile(r"[^a-z0-9]+")
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_HUB_REGISTRY = "registry-1.docker.io"
_WINDOWS_IMAGE = re.compile(
    r"(?:^|/)(?:windows|nanoserver|windowsservercore|dotnet[/-]framework)(?:/|$)"
    r"|^microsoft/(?:dotnet-framework-[^/]+|iis|aspnet|wcf|[^/]+-windows)$"
)
_WINDOWS_TAG = re.compile(r"(?:^|-)(?:nanoserver|windowsservercore)(?:-|$)")


@dataclass
class Tags:
    """The tags of one imported image: those of its builds, and those that others use for the only build."""

    real: dict[str, DockerfileBuild] = field(default_factory=dict)
    listed: dict[str, str] = field(default_factory=dict)  # aliases to list in image.yml
    aliases: dict[str, str] = field(default_factory=dict)  # these, and the automatic ones

    def real_of(self, tag: str) -> str | None:
        """The tag that FROM refers to by this one; None if there is none."""
        return tag if tag in self.real else self.aliases.get(tag)

    def names_of(self, image: str, build: DockerfileBuild) -> set[str]:
        """`image:tag` for each tag and alias of a build, its variants' as well."""
        real = {tag for tag, made in self.real.items() if made is build}
        return {f"{image}:{tag}" for tag in (*real, *(a for a, tag in self.aliases.items() if tag in real))}


@dataclass(frozen=True, slots=True)
class Named:
    """An imported image that a text names: image and tag, and the registry part of the text."""

    image: str
    tag: str
    prefix: str


def own(name: str, images: Iterable[str], prefixes: tuple[str, ...]) -> Named | None:
    """The imported image that a name refers to, with any tag. Without prefixes a bare name is enough, with
    prefixes the name needs one of them."""
    named = [mine(name, prefix) for prefix in prefixes or ("",)]
    return next((n for n in named if n is not None and n.image in images), None)


def mine(name: str, prefix: str) -> Named | None:
    """What a name says behind a prefix, whoever has such an image. Both are read as Docker reads them: Docker Hub has
    several spellings."""
    text = name.partition("@")[0]
    if not prefix:
        image, _, tag = text.partition(":")
        return Named(image, tag or "latest", "")
    try:
        reference, head = Reference.parse(name), Reference.parse(f"{prefix}/image").repository
    except ValueError:
        return None
    repository, above = reference.repository, head.path.removesuffix("image")
    if _host(repository) != _host(head) or not repository.path.startswith(above):
        return None
    image = repository.path[len(above) :]
    written = text.removesuffix(f":{reference.tag}")
    return Named(image, reference.tag or "latest", written.removesuffix(image))


def is_official(prefix: str) -> bool:
    """Whether a prefix is that of Docker Hub's official images."""
    repository = Reference.parse(f"{prefix}/image").repository
    return (_host(repository), repository.path) == (DOCKER_HUB, "library/image")


def _host(repository: Repository) -> str:
    return DOCKER_HUB if repository.host == _HUB_REGISTRY else repository.host


def image_name(folder: str) -> str:
    """An image's name from a folder's: unchanged, or in lower case with invalid characters replaced by `-`."""
    return folder if valid_name(folder) else _ODD.sub("-", folder.lower()).strip("-") or "image"


def valid_name(name: str) -> bool:
    """Whether a folder of a catalogue may have this name."""
    return bool(_NAME.fullmatch(name))


def is_windows(reference: Reference) -> bool:
    """Whether an image is Windows by its name or tag, as Microsoft's and the official images are called."""
    return bool(_WINDOWS_IMAGE.search(reference.repository.path) or _WINDOWS_TAG.search(reference.tag or ""))


def tags_of(builds: Iterable[DockerfileBuild], requested: Mapping[str, set[str]]) -> dict[str, Tags]:
    """The tags of every image. An image with a single build and no tag gets the one that others use (the highest,
    with the others as aliases), or `latest`."""
    groups: dict[str, list[DockerfileBuild]] = {}
    for build in builds:
        groups.setdefault(build.image, []).append(build)
    out: dict[str, Tags] = {}
    for image, members in groups.items():
        image_tags = Tags()
        for build in members:
            variants = [name for name, _ in build.variants]
            known = _plain(requested.get(image, set()), variants)
            wanted = sorted(known - {b.tag for b in members} - {"latest"}, key=_order)
            if build.tag is not None:
                own_tag = build.tag
            elif len(members) > 1 or not wanted:
                own_tag = "latest"
            else:
                own_tag = wanted.pop()
                more = [*wanted, *(["latest"] if "latest" in known else [])]
                image_tags.listed |= dict.fromkeys(more, own_tag)
            image_tags.real[own_tag] = build
            for variant in variants:
                image_tags.real.setdefault(f"{own_tag}-{variant}", build)
        _aliases(image_tags)
        out[image] = image_tags
    return out


def base_of(name: str) -> Reference:
    """The entry in `bases:` for a name: with its tag, `latest` if none is written, and no digest. Raises
    ValueError."""
    reference = Reference.parse(name)
    return reference.repository.tagged(reference.tag or "latest")


def _aliases(tags: Tags) -> None:
    """Add the catalogue's aliases: prefixes of versions, and every alias again with each variant's suffix."""
    plain = {tag: build for tag, build in tags.real.items() if not _is_variant(tag, build)}
    tags.aliases |= tags.listed
    for alias, tag in automatic_aliases(plain).items():
        tags.aliases.setdefault(alias, tag)
    for alias, tag in tuple(tags.aliases.items()):
        for variant, _ in tags.real[tag].variants:
            tags.aliases.setdefault(f"{alias}-{variant}", f"{tag}-{variant}")


def _is_variant(tag: str, build: DockerfileBuild) -> bool:
    return any(tag.endswith(f"-{variant}") for variant, _ in build.variants)


def _plain(tags: set[str], variants: list[str]) -> set[str]:
    """The tags without the suffixes of variants."""
    out = set()
    for tag in tags:
        end = next((f"-{v}" for v in variants if tag.endswith(f"-{v}")), "")
        out.add(tag.removesuffix(end) or tag)
    return out


def _order(tag: str) -> tuple[tuple[int, int | str], ...]:
    parts = tag.replace("-", ".").split(".")
    return tuple((1, int(p)) if p.isdecimal() and len(p) < 18 else (0, p) for p in parts)
