"""Which template a target's Dockerfile and test come from: named by a level, or found by its name in a folder."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.catalogue.definition import Definition, Explicit
from pipeline.catalogue.source import Source

from ..plan import Target
from .levels import Levels, Said, Spot
from .origin import Explained


def explain_texts(source: Source, target: Target, levels: Levels) -> Iterator[Explained]:
    """The templates of a target's Dockerfile and structure test; nothing for one that it does not have."""
    d = levels.definition
    if target.template is not None:
        names = ("Dockerfile", ".tmpl")
        yield _template(source, levels, "template", target.template, d.template, d.inherited_template, names)
    if target.test_template is not None:
        names = ("test", ".yml.tpl")
        own, inherited = d.test_template, d.inherited_test_template
        yield _template(source, levels, "test_template", target.test_template, own, inherited, names)


def _template(
    source: Source,
    levels: Levels,
    key: str,
    path: str,
    own: Explicit | None,
    inherited: Explicit | None,
    names: tuple[str, str],
) -> Explained:
    """The order is that of the catalogue: named by the variant, by the variant's name, named above it, by name."""
    definition = levels.definition
    stem, end = names
    of_variant = f"{stem}.{definition.variant}{end}" if definition.variant else None
    if own is None and of_variant and path in _places(definition, of_variant):
        chosen, name, why = None, of_variant, f"found by name, for the variant {definition.variant}"
    else:
        chosen = own or inherited
        name = chosen.name if chosen else f"{stem}{end}"
        why = f"named as {name}" if chosen else "found by name"
    lost = [Said(p, Spot(p)) for p in _places(definition, name) if p != path and source.get(p) is not None]
    every = levels.single(key)
    spot = levels.spot(chosen.position) if chosen else Spot(path, 1, 1)
    overruled = [said for said in reversed(every) if said.spot != spot]
    return Explained(key, path, spot, why, (*overruled, *lost))


def _places(definition: Definition, name: str) -> tuple[str, ...]:
    """Where a name is looked for, the most specific folder first."""
    return tuple(f"{folder}/{name}" for folder in reversed(definition.folders))
