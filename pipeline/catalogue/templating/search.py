"""The template that a tag uses, by name and folder."""

from __future__ import annotations

from pipeline.util.dataclass import dataclass
from pipeline.util.suggest import did_you_mean

from ..definition import Definition, Explicit
from ..source import Source
from .templates import TemplateProblem


@dataclass(frozen=True, slots=True)
class TemplateNames:
    """The names of a tag's template. The order is: `explicit`, `of_variant`, `inherited`, `default`."""

    explicit: Explicit | None  # the variant's own; without a variant, the tag's or image's
    of_variant: str | None
    inherited: Explicit | None
    default: str

    @property
    def every(self) -> tuple[str, ...]:
        """All of them."""
        names = (
            self.explicit and self.explicit.name,
            self.of_variant,
            self.inherited and self.inherited.name,
            self.default,
        )
        return tuple(name for name in names if name)


def dockerfile_names(definition: Definition) -> TemplateNames:
    """The names of a Dockerfile's template."""
    own, variant = definition.template, definition.variant
    of_variant = f"Dockerfile.{variant}.tmpl" if variant else None
    return TemplateNames(own, of_variant, definition.inherited_template, "Dockerfile.tmpl")


def structure_test_names(definition: Definition) -> TemplateNames:
    """The names of a structure test's template."""
    own, variant = definition.test_template, definition.variant
    of_variant = f"test.{variant}.yml.tpl" if variant else None
    return TemplateNames(own, of_variant, definition.inherited_test_template, "test.yml.tpl")


def find_dockerfile(source: Source, definition: Definition) -> str:
    """The Dockerfile template of a tag, each name in the most specific folder first. Raises `TemplateProblem`."""
    names = dockerfile_names(definition)
    path = _find(source, definition, names)
    if path is None:
        missing = (
            f"neither {names.of_variant} nor {names.default}" if names.of_variant else f"no {names.default}"
        )
        message = f"{definition.name} has no template: {missing} in {_folders(definition)}"
        raise TemplateProblem(definition.position.problem(message))
    return path


def find_test(source: Source, definition: Definition) -> str | None:
    """The structure test's template of a tag, likewise; None if there is none. Raises `TemplateProblem`."""
    return _find(source, definition, structure_test_names(definition))


def _find(source: Source, definition: Definition, names: TemplateNames) -> str | None:
    if names.explicit:
        return _explicit(source, definition, names.explicit)
    if names.of_variant and (path := _most_specific(source, definition, names.of_variant)):
        return path
    if names.inherited:
        return _explicit(source, definition, names.inherited)
    return _most_specific(source, definition, names.default)


def _explicit(source: Source, definition: Definition, explicit: Explicit) -> str:
    path = _most_specific(source, definition, explicit.name)
    if path is None:
        known = [name for folder in definition.folders for name in source.children(folder)]
        message = f"there is no {explicit.name} in {_folders(definition)}"
        raise TemplateProblem(explicit.position.problem(message, did_you_mean(explicit.name, known)))
    return path


def _most_specific(source: Source, definition: Definition, name: str) -> str | None:
    for folder in reversed(definition.folders):
        path = f"{folder}/{name}"
        if path in source.files:
            return path
    return None


def _folders(definition: Definition) -> str:
    return " or ".join(f"{folder}/" for folder in reversed(definition.folders))
