"""One imported image: its files in the catalogue, the changes, and what the user must check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.catalogue.limits import MAX_TEXT
from pipeline.catalogue.source import IMAGES, ROOTFS, Source, SourceFile
from pipeline.dockerfile.bases import BaseUse
from pipeline.dockerfile.frontend import find_syntax
from pipeline.model import Platform, Reference
from pipeline.plan.graph import DOCKERFILE
from pipeline.plan.output.disk import Generated
from pipeline.util.dataclass import dataclass

from .context import Context, context_of
from .discover import DockerfileBuild
from .dockerignore import DockerIgnore, above, is_wild, matched
from .names import Tags, base_of, own
from .rewrite import Taken, as_template, rewrite
from .scaffold import SCHEMAS

_PLATFORM = Platform("linux", "amd64")
_HUB = "docker.io/library/"


class UnreadableInput(Exception):
    """A Dockerfile or .dockerignore that cannot be read."""


@dataclass(frozen=True, slots=True)
class ConvertedImage:
    """A converted image; `folder` is its folder in the catalogue."""

    build: DockerfileBuild
    name: str
    folder: str
    files: Mapping[str, Generated]
    bases: frozenset[Reference]
    done: tuple[str, ...]
    by_hand: tuple[str, ...]


def dockerfiles(build: DockerfileBuild) -> Iterator[str]:
    """The Dockerfiles of a build and its variants."""
    yield build.dockerfile
    for _, path in build.variants:
        yield path


def text_of(source: Source, path: str) -> str:
    """The text of a small file. Raises UnreadableInput."""
    content = source.files[path].content
    if content is None:
        raise UnreadableInput(f"{path} is larger than {MAX_TEXT // 1024} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableInput(f"{path} is not UTF-8 text") from None


def convert_build(
    source: Source,
    build: DockerfileBuild,
    tags: Mapping[str, Tags],
    prefixes: tuple[str, ...],
    *,
    in_folder: bool,
) -> ConvertedImage:
    """The files of one build and its variants. Raises UnreadableInput."""
    mine = tags[build.image]
    tag = next(t for t, b in mine.real.items() if b is build)
    folder = f"{IMAGES}/{build.image}" + (f"/{tag}" if in_folder else "")
    maker = _Maker(source, build, tags, prefixes)
    files: dict[str, Generated] = {}
    for variant, path in (("", build.dockerfile), *build.variants):
        own_tag = f"{tag}-{variant}" if variant else tag
        template = maker.template(path, own_tag)
        files[f"{folder}/Dockerfile{f'.{variant}' if variant else ''}.tmpl"] = template
    for path, entry in sorted(maker.context.items()):
        files[f"{folder}/{ROOTFS}/{path}"] = _copied(f"{build.context}/{path}".lstrip("/"), entry)
    aliases = [alias for alias, known in mine.listed.items() if known == tag]
    files[f"{folder}/image.yml"] = Generated(
        "file", content=_image_yml(build, tag, aliases, in_folder, bool(maker.context)).encode()
    )
    if maker.context:
        number, context = len(maker.context), build.context or "the folder"
        paths = "1 path" if number == 1 else f"{number} paths"
        maker.done.append(f"{paths} of {context} below rootfs/, and COPY takes them from there")
    return ConvertedImage(
        build,
        f"{build.image}:{tag}",
        folder,
        files,
        frozenset(maker.bases),
        tuple(dict.fromkeys(maker.done)),
        tuple(dict.fromkeys(maker.by_hand)),
    )


class _Maker:
    """Collects the results of all Dockerfiles of one build."""

    def __init__(
        self, source: Source, build: DockerfileBuild, tags: Mapping[str, Tags], prefixes: tuple[str, ...]
    ) -> None:
        self.source, self.build, self.tags, self.prefixes = source, build, tags, prefixes
        self.context: dict[str, SourceFile] = {}
        self.bases: set[Reference] = set()
        self.done: list[str] = []
        self.by_hand: list[str] = []

    def template(self, path: str, tag: str) -> Generated:
        """The template of one Dockerfile; its context is merged with that of the others."""
        text = text_of(self.source, path)
        if (self.source.files[path].content or b"").startswith(b"\xef\xbb\xbf"):
            self.done.append(f"{path}: the byte order mark is left out")
        new, taken = rewrite(text, _PLATFORM, lambda use: self._base(text, use, tag))
        self.by_hand += [f"{path}:{line}: {message}" for line, message in taken.by_hand]
        self._frontend(text)
        if taken.sources:
            ignore = self._ignore(path)
            try:
                context = context_of(self.source, self.build.context, ignore, taken.sources)
            except ValueError as error:
                raise UnreadableInput(f"{path}: {error}") from None
            self._check(path, taken, context)
            self.context |= context.entries
            self.by_hand += context.by_hand
        return Generated("file", content=as_template(new).encode())

    def _frontend(self, text: str) -> None:
        """Add a frontend to the bases, unless it is the default one."""
        syntax = find_syntax(text)
        try:
            if syntax and (frontend := base_of(syntax.name)).repository != DOCKERFILE:
                self.bases.add(frontend)
        except ValueError:
            return  # the plan says what is wrong with it

    def _check(self, path: str, taken: Taken, context: Context) -> None:
        """Raises UnreadableInput for sources that are not in the context, because such a Dockerfile cannot be
        built."""
        present = {p for entry in context.entries for p in (entry, *above(entry))} | {"."}
        folder = self.build.context or "the folder"
        self.by_hand += [
            f"{path}:{line}: {text} matches nothing in {folder}{self._higher(source)}"
            for line, text, source in taken.places
            if is_wild(source) and not context.links and not matched(present, [source])
        ]
        missing = [
            f"{path}:{line}: {text}: there is no {source} in {folder}{self._higher(source)}"
            for line, text, source in taken.places
            if not is_wild(source) and source not in present and not context.links.intersection(above(source))
        ]
        if missing:
            raise UnreadableInput("; ".join(dict.fromkeys((*missing, *context.by_hand))))

    def _higher(self, pattern: str) -> str:
        """A hint where the source is in a folder above the context, which may be the real context."""
        for folder in (*above(self.build.context), *([""] if self.build.context else [])):
            head = f"{folder}/" if folder else ""
            if matched((p.removeprefix(head) for p in self.source.files if p.startswith(head)), [pattern]):
                found = f"{folder} has it" if folder else "the folder above all images has it"
                return f"; {found}: is that the build context?"
        return ""

    def _ignore(self, dockerfile: str) -> DockerIgnore:
        shared = f"{self.build.context}/.dockerignore".lstrip("/")
        for path in (f"{dockerfile}.dockerignore", shared):
            entry = self.source.get(path)
            if entry is not None and entry.kind == "file":
                try:
                    return DockerIgnore.parse(text_of(self.source, path))
                except ValueError as error:
                    raise UnreadableInput(f"{path}: {error}") from None
        return DockerIgnore()

    def _base(self, text: str, use: BaseUse, tag: str) -> str | None:
        """The new name in FROM; None to keep the old one."""
        word = text[use.start : use.end]
        named = own(use.name, self.tags, self.prefixes)
        if named is not None:
            real = self.tags[named.image].real_of(named.tag)
            if real is not None and (named.image, real) != (self.build.image, tag):
                return self._internal(word, use, named.image, named.tag, named.prefix)
            if self.prefixes:
                reason = (
                    "is this very image" if real else f"names a tag that {named.image} does not have here"
                )
                self.by_hand.append(f"{use.instruction} {use.name} {reason}: it is taken from the registry")
        return self._external(word, use)

    def _internal(self, word: str, use: BaseUse, image: str, tag: str, prefix: str) -> str | None:
        literal = f"{prefix}{image}"
        if word.startswith(literal) and word[len(literal) :][:1] in ("", ":") and "@" not in word:
            new = word[len(prefix) :]
        else:
            new = f"{image}:{tag}"
        if new != word:
            self.done.append(f"{use.instruction} {word} is {new} now, made here")
        elif not self.prefixes:
            self.done.append(
                f"{use.instruction} {word} is the one made here (another one: docker.io/library/{word})"
            )
        return None if new == word else new

    def _external(self, word: str, use: BaseUse) -> str | None:
        try:
            self.bases.add(base_of(use.name))
        except ValueError:
            return None  # the plan says what is wrong with it
        short = use.name.partition("@")[0]
        head, slash, last = short.rpartition("/")
        image = last.partition(":")[0]
        if image not in self.tags:
            return None
        if slash:
            if not use.name.startswith("docker.io/") and head not in self.prefixes:
                self.by_hand.append(
                    f"{use.instruction} {use.name}: is that the {image} made here? --prefix {head}"
                )
            return None
        new = f"{_HUB}{word if word.startswith(image) else use.name}"
        self.done.append(f"{use.instruction} {word} is {new} now: {image} is an image of this catalogue")
        return new


def _copied(origin: str, entry: SourceFile) -> Generated:
    if entry.kind == "link":
        return Generated("link", 0o777, target=entry.target)
    if entry.kind == "dir":
        return Generated("dir", entry.mode)
    return Generated("file", entry.mode, None, origin)


def _image_yml(build: DockerfileBuild, tag: str, aliases: list[str], in_folder: bool, copies: bool) -> str:
    up = "../../../" if in_folder else "../../"
    lines = [
        f"# yaml-language-server: $schema={up}{SCHEMAS}/image.schema.json",
        f"# from {build.dockerfile}",
        "tags:",
    ]
    if aliases:
        quoted = ", ".join(f'"{alias}"' for alias in sorted(aliases))
        lines += [f'  - name: "{tag}"', f"    aliases: [{quoted}]"]
    else:
        lines.append(f'  - "{tag}"')
    if build.variants:
        lines += ["variants:", *(f'  - "{name}"' for name, _ in build.variants)]
    if copies:
        lines.append("rootfs_copy: false")
    return "\n".join(lines) + "\n"
