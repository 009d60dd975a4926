"""One Dockerfile as a template: what it takes from its context, its bases by name, and what the user must check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from pipeline.catalogue.limits import MAX_TEXT
from pipeline.catalogue.source import Source, SourceFile
from pipeline.dockerfile.arguments import stage_name
from pipeline.dockerfile.base_uses import BaseUse
from pipeline.dockerfile.frontend import find_syntax
from pipeline.dockerfile.instructions import scanned
from pipeline.model import Platform, Reference
from pipeline.plan.graph import DOCKERFILE
from pipeline.plan.output.disk import Generated
from pipeline.util.dataclass import dataclass
from pipeline.util.suggest import nearest

from .context import Context, context_of
from .dockerfile_build import DockerfileBuild
from .dockerignore import DockerIgnore, above, is_wild, matched
from .names import Tags, base_of, is_official, is_windows, mine, own, valid_name
from .rewrite import Taken, as_template, rewrite, triggers

_PLATFORM = Platform("linux", "amd64")
_HUB = "docker.io/library/"


class UnreadableInput(Exception):
    """A Dockerfile or .dockerignore that cannot be read."""


class MissingSource(UnreadableInput):
    """A Dockerfile that uses files which its context has not."""


@dataclass(frozen=True, slots=True)
class ImportedFolder:
    """A folder of Dockerfiles: its files, the tags of its images, the prefixes of the user's own names, and the names
    of images' folders by the names of links to them."""

    source: Source
    tags: Mapping[str, Tags]
    prefixes: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)


def text_of(source: Source, path: str) -> str:
    """The text of a small file. Raises UnreadableInput."""
    content = source.files[path].content
    if content is None:
        raise UnreadableInput(f"{path} is larger than {MAX_TEXT // 1024} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableInput(f"{path} is not UTF-8 text") from None


class TemplateMaker:
    """Makes the template of one Dockerfile, and collects what belongs to it."""

    def __init__(self, given: ImportedFolder, build: DockerfileBuild, path: str) -> None:
        self.source, self.tags, self.prefixes = given.source, given.tags, given.prefixes
        self.links = given.links
        self.build, self.path = build, path
        self.context: dict[str, SourceFile] = {}
        self.bases: set[Reference] = set()
        self.done: list[str] = []
        self.by_hand: list[str] = []

    def template(self, tag: str) -> Generated:
        """The template. Raises UnreadableInput."""
        path = self.path
        text = text_of(self.source, path)
        if (self.source.files[path].content or b"").startswith(b"\xef\xbb\xbf"):
            self.done.append(f"{path}: the byte order mark is left out")
        new, taken = rewrite(text, _PLATFORM, lambda use: self._base(text, use, tag), self.build.options.args)
        new = self._up_to_target(new)
        self.by_hand += [f"{path}:{line}: {message}" for line, message in taken.by_hand]
        self._frontend(text)
        if taken.sources:
            ignore = self._ignore(path)
            try:
                context = context_of(self.source, self.build.context, ignore, taken.sources)
            except ValueError as error:
                raise UnreadableInput(f"{path}: {error}") from None
            self._check(path, taken, context)
            self.context = dict(context.entries)
            self.by_hand += context.by_hand
        return Generated("file", content=as_template(new).encode())

    def _up_to_target(self, text: str) -> str:
        """The text whose last stage is the one to be built."""
        target = self.build.options.target.lower()
        if not target or self.path != self.build.dockerfile:
            return text
        instructions = scanned(text).instructions
        names = [stage_name(i) for i in instructions if i.keyword == "FROM"]
        if target not in names:
            where = self.build.options.where
            raise UnreadableInput(
                f"{where}: no stage of {self.path} is named {self.build.options.target[:80]}"
            )
        if names[-1] == target:
            return text
        if any(i.keyword == "ONBUILD" for i in instructions):
            self.by_hand.append(
                f"{self.path}: ONBUILD of {target} runs in this build, for FROM {target} follows it"
            )
        self.done.append(f"{self.path}: FROM {target} is its last line now: that stage is built")
        return f"{text}{'' if text.endswith(chr(10)) else chr(10)}FROM {target}\n"

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
            raise MissingSource("; ".join(dict.fromkeys((*missing, *context.by_hand))))

    def _higher(self, pattern: str) -> str:
        """A hint where the source is in a folder above the context, which may be the real context."""
        for folder in (*above(self.build.context), *([""] if self.build.context else [])):
            head = f"{folder}/" if folder else ""
            if matched((p.removeprefix(head) for p in self.source.files if p.startswith(head)), [pattern]):
                place = f"{folder} has it" if folder else "the folder above all images has it"
                return f"; {place}: is that the build context? --context {folder or '.'}"
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
        if use.platform is not None and use.platform.os == "windows":
            raise self._windows(f"FROM --platform={use.platform} {use.name}")
        named = own(use.name, self.tags, self.prefixes)
        if named is not None:
            real = self.tags[named.image].real_of(named.tag)
            if real is not None and (named.image, real) != (self.build.image, tag):
                return self._internal(word, use, named.image, named.tag, named.prefix)
            if self.prefixes:
                reason = (
                    "is this very image" if real else f"names a tag that {named.image} does not have here"
                )
                self._note(use, f"{_in(use, use.name)} {reason}: it is taken from the registry")
        elif (absent := self._absent(use.name)) is not None:
            self._note(use, f"{_in(use, use.name)}: {absent}: it is taken from the registry")
        return self._external(word, use)

    def _note(self, use: BaseUse, message: str) -> None:
        self.by_hand.append(f"{self.path}:{use.line}: {message}")

    def _windows(self, what: str) -> UnreadableInput:
        return UnreadableInput(f"{self.path}: {what} is Windows; targets are linux only")

    def _absent(self, name: str) -> str | None:
        """What to say of a name that no image has, but a link to one; or that is behind one of the user's prefixes."""
        for prefix in self.prefixes or ("",):
            if (named := mine(name, prefix)) is None:
                continue
            image = named.image
            missing = f"no image {image} here"
            if (linked := self.links.get(image)) and valid_name(image):
                return f"{missing} ({image} is a link to {linked}: --name {linked}={image})"
            near = nearest(image, self.tags) if valid_name(image) else None
            if not prefix or (near is None and is_official(prefix)):
                return None  # it need not be the user's own
            word = next(iter(self.tags[near].real.values())).word if near else ""
            return f"{missing} ({near}? --name {word}={image})" if word else missing
        return None

    def _internal(self, word: str, use: BaseUse, image: str, tag: str, prefix: str) -> str | None:
        literal = f"{prefix}{image}"
        if word.startswith(literal) and word[len(literal) :][:1] in ("", ":") and "@" not in word:
            new = word[len(prefix) :]
        else:
            new = f"{image}:{tag}"
        self._triggered(image, tag)
        if new != word:
            self.done.append(f"{_in(use, word)} is {new} now, made here")
        elif not self.prefixes:
            self.done.append(f"{_in(use, word)} is the one made here (another one: docker.io/library/{word})")
        return None if new == word else new

    def _triggered(self, image: str, tag: str) -> None:
        """Report what ONBUILD of the base would copy from here: it is in no COPY of this Dockerfile."""
        known = self.tags[image]
        build = known.real[known.real_of(tag) or tag]
        try:
            takes = triggers(text_of(self.source, build.dockerfile))
        except UnreadableInput:
            return
        if takes:
            folder = self.build.context or "the folder"
            self.by_hand.append(
                f"{image}:{tag} copies files of {folder} by ONBUILD: they are not brought along, copy them to rootfs/"
            )

    def _external(self, word: str, use: BaseUse) -> str | None:
        try:
            base = base_of(use.name)
        except ValueError:
            return None  # the plan says what is wrong with it
        if is_windows(base):
            raise self._windows(_in(use, use.name))
        self.bases.add(base)
        short = use.name.partition("@")[0]
        head, slash, last = short.rpartition("/")
        image = last.partition(":")[0]
        if image not in self.tags:
            return None
        if slash:
            if not use.name.startswith("docker.io/") and own(use.name, self.tags, self.prefixes) is None:
                self._note(use, f"{_in(use, use.name)}: is that the {image} made here? --prefix {head}")
            return None
        new = f"{_HUB}{word if word.startswith(image) else use.name}"
        self.done.append(f"{_in(use, word)} is {new} now: {image} is an image of this catalogue")
        return new


def _in(use: BaseUse, name: str) -> str:
    """A name as its instruction has it: `FROM name`, `COPY --from=name`."""
    flags = {"COPY": "--from=", "ADD": "--from=", "RUN": "--mount=from="}
    return f"{use.instruction} {flags.get(use.instruction, '')}{name}"
