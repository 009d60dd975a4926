"""The template of a target's Dockerfile and test: named by a level, or found by name in a folder."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.catalogue.definition import Definition
from pipeline.catalogue.source import Source
from pipeline.catalogue.templating.search import TemplateNames, dockerfile_names, structure_test_names

from ..plan import Target
from .levels import Levels, LevelValue, Location
from .origin import Explained


def explain_templates(source: Source, target: Target, levels: Levels) -> Iterator[Explained]:
    """The templates of a target's Dockerfile and structure test, if any."""
    if target.template is not None:
        yield _explain(source, levels, "template", target.template, dockerfile_names(levels.definition))
    if target.test_template is not None:
        yield _explain(
            source, levels, "test_template", target.test_template, structure_test_names(levels.definition)
        )


def _explain(source: Source, levels: Levels, key: str, path: str, names: TemplateNames) -> Explained:
    definition = levels.definition
    of_variant = names.of_variant
    if names.explicit is None and of_variant and path in _candidates(definition, of_variant):
        chosen, name, why = None, of_variant, f"found by name, for the variant {definition.variant}"
    else:
        chosen = names.explicit or names.inherited
        name = chosen.name if chosen else names.default
        why = f"named as {name}" if chosen else "found by name"
    location = levels.location(chosen.position) if chosen else Location(path, 1, 1)
    overridden = [value for value in reversed(levels.single(key)) if value.location != location]
    shadowed = [
        LevelValue(other, Location(other))
        for other in _candidates(definition, name)
        if other != path and source.get(other) is not None
    ]
    return Explained(key, path, location, why, (*overridden, *shadowed))


def _candidates(definition: Definition, name: str) -> tuple[str, ...]:
    """The paths of a name in a tag's folders, the most specific first."""
    return tuple(f"{folder}/{name}" for folder in reversed(definition.folders))
