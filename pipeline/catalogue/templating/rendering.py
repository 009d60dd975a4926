"""A tag's texts: its Dockerfile and test, with COPY rootfs/ added; the same for all its platforms."""

from __future__ import annotations

from pipeline.dockerfile.bases import copies_rootfs, inject_rootfs
from pipeline.errors import Problem, UsageError
from pipeline.model import Platform
from pipeline.util.dataclass import dataclass

from ..definition import Definition
from ..rootfs import Rootfs, merge
from ..source import Source
from .lines import Line, template_line
from .search import find_dockerfile, find_test
from .templates import Renderer, RenderingUsage, TemplateProblem, context_of


@dataclass(frozen=True, slots=True)
class Rendered:
    """One tag with its texts."""

    definition: Definition
    platforms: tuple[Platform, ...]
    template: str | None  # None for an external tag
    test_template: str | None
    plain: str  # the rendered Dockerfile, before any insertion
    dockerfile: str
    test: str | None
    rootfs: Rootfs
    warnings: tuple[str, ...]
    usage: RenderingUsage = RenderingUsage()

    @property
    def injected(self) -> bool:
        """Whether COPY rootfs/ was added."""
        return self.dockerfile is not self.plain

    def template_line(self, source: Source, line: int) -> Line:
        """The template line for a line of the Dockerfile; the template's first line if unknown."""
        template = self.template or ""
        known = template_line(source, template, self.definition, self.plain, self.dockerfile, line)
        return known or (template, 1)

    def problem(
        self, source: Source, line: int, key: str, message: str, suggestion: str | None = None
    ) -> Problem:
        """A problem of this tag at a line of its Dockerfile."""
        path, number = self.template_line(source, line)
        return Problem(path, number, 1, key, message, suggestion, self.definition.name)

    def warning(
        self, source: Source, line: int, key: str, message: str, suggestion: str | None = None
    ) -> str:
        """A warning at a line of the Dockerfile."""
        path, number = self.template_line(source, line)
        return str(Problem(path, number, 1, key, message, suggestion))


def render_all(
    renderer: Renderer,
    definitions: tuple[Definition, ...],
    default: tuple[Platform, ...],
    wanted: tuple[Platform, ...],
    problems: list[Problem],
) -> list[Rendered]:
    """Every tag with its texts; problems are appended. `default` are the project's platforms, `wanted` restricts
    them."""
    trees: dict[tuple[str, ...], Rootfs] = {}
    out = []
    for definition in definitions:
        platforms = platforms_of(definition, default, wanted)
        if definition.folders not in trees:
            trees[definition.folders] = merge(renderer.source, definition.folders, problems)
        try:
            out.append(_render(renderer, definition, platforms, trees[definition.folders]))
        except TemplateProblem as error:
            if error.problem not in problems:
                problems.append(error.problem)
    if wanted and not any(r.platforms for r in out) and not problems:
        names = ", ".join(map(str, wanted))
        raise UsageError(f"no target for {names}", hint="platforms: in lockage.yml lists them")
    return out


def platforms_of(
    definition: Definition, default: tuple[Platform, ...], wanted: tuple[Platform, ...]
) -> tuple[Platform, ...]:
    """The platforms of a tag."""
    platforms = definition.platforms or default
    return tuple(p for p in platforms if p in wanted) if wanted else platforms


def plain_dockerfile(source: Source, template: str, definition: Definition) -> str:
    """A template rendered for a tag, without insertions. Raises `TemplateProblem`."""
    return Renderer(source).render(template, context_of(definition), definition.name)


def _render(
    renderer: Renderer,
    definition: Definition,
    platforms: tuple[Platform, ...],
    rootfs: Rootfs,
) -> Rendered:
    if definition.external is not None:
        return _external(renderer, definition, platforms)
    source = renderer.source
    template = find_dockerfile(source, definition)
    test_template = find_test(source, definition)
    context = context_of(definition)
    text = plain = renderer.render(template, context, definition.name)
    test = renderer.render(test_template, context, definition.name) if test_template else None
    warnings = list(rootfs.warnings)
    if rootfs.has_content and definition.rootfs_copy:
        text = inject_rootfs(plain, definition.rootfs_user)
    elif rootfs.has_content and not copies_rootfs(plain):
        warnings.append("rootfs/ has content that nothing copies (rootfs_copy: false)")
    return Rendered(
        definition,
        platforms,
        template,
        test_template,
        plain,
        text,
        test,
        rootfs,
        tuple(warnings),
        renderer.take_usage(),
    )


def _external(renderer: Renderer, definition: Definition, platforms: tuple[Platform, ...]) -> Rendered:
    """An external tag: only its test is rendered."""
    template = find_test(renderer.source, definition)
    test = renderer.render(template, context_of(definition), definition.name) if template else None
    usage = renderer.take_usage()
    return Rendered(definition, platforms, None, template, "", "", test, Rootfs(), (), usage)
