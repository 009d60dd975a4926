"""Every tag and alias of the catalogue: the names available to FROM, and the tags of an index."""

from __future__ import annotations

from collections.abc import Iterable

from .aliases import automatic_aliases
from .definition import Definition

Known = dict[str, dict[str, str]]
Aliases = dict[tuple[str, str], tuple[str, ...]]


def known_tags(definitions: Iterable[Definition]) -> tuple[Known, Aliases]:
    """By image: every tag and alias with its tag. By image and tag: its aliases, sorted.

    A real tag wins over a listed alias, which wins over an automatic one. A variant's automatic aliases are those of
    its base tags, with the suffix.
    """
    tags: Known = {}
    everything = tuple(definitions)
    for d in everything:
        tags.setdefault(d.image, {})[d.tag] = d.tag
    real = {image: frozenset(known) for image, known in tags.items()}
    groups: dict[tuple[str, str | None, str], list[Definition]] = {}
    for d in everything:
        for alias in d.aliases:
            tags[d.image].setdefault(alias, d.tag)
        groups.setdefault((d.image, d.variant, d.suffix), []).append(d)
    for (image, _, suffix), members in groups.items():
        automatic = [d.base_tag for d in members if d.automatic]
        for alias, tag in automatic_aliases(automatic, members[0].strategy).items():
            if alias + suffix not in real[image]:
                tags[image].setdefault(alias + suffix, tag + suffix)
    out: Aliases = {}
    for image, known in tags.items():
        for alias in sorted(known):
            if alias != known[alias]:
                out[image, known[alias]] = (*out.get((image, known[alias]), ()), alias)
    return tags, out
