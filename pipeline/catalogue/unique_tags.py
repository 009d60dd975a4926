"""Uniqueness checks: tags, listed aliases, and one strategy per image."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.errors import Problem
from pipeline.util.suggest import did_you_mean

from .definition import Definition, Position


def check_unique_tags(definitions: Sequence[Definition], problems: list[Problem]) -> None:
    """Append a problem for every tag or alias that is defined twice."""
    seen: dict[str, Definition] = {}
    for definition in definitions:
        other = seen.setdefault(definition.name, definition)
        if other is not definition:
            owner = f"the variant {other.variant!r} of {other.base_tag}" if other.variant else "another entry"
            problems.append(definition.position.problem(f"{definition.name} is already made by {owner}"))
    taken: dict[str, Definition] = {}
    strategies: dict[str, Definition] = {}
    for definition in definitions:
        first = strategies.setdefault(definition.image, definition)
        if first.strategy != definition.strategy and definition.variant is None:
            position = Position(definition.position.document, ("version_strategy",))
            message = f"{first.position.document.path} orders the same image by {first.strategy}"
            problems.append(position.problem(message, did_you_mean(definition.strategy, [first.strategy])))
        for number, alias in enumerate(definition.aliases):
            name = f"{definition.image}:{alias}"
            position = Position(definition.position.document, (*definition.position.path, "aliases", number))
            if name in seen:
                problems.append(position.problem(f"the alias {alias!r} is the name of a tag"))
            elif taken.setdefault(name, definition) is not definition:
                problems.append(position.problem(f"the alias {alias!r} already stands for {taken[name].tag}"))
