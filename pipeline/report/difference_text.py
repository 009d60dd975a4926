"""A difference for people: plain lines, and Markdown for a release or a merge request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pipeline.policy import Finding
from pipeline.util.sizes import decimal_size

from .counts import plural
from .difference import Change, ComparedLayer, ImageDifference
from .escape import line, markdown

_SHOWN = 200  # lines of a section; --json has all
Row = tuple[str, ...]


def sections(image: ImageDifference) -> Iterator[tuple[str, list[Row]]]:
    """The sections with their rows, the most important first; what did not change has no rows."""
    yield "findings opened", _findings(image.opened)
    yield "findings closed", _findings(image.closed)
    packages = image.packages or ()
    yield "packages added", [(c.name, c.after) for c in packages if not c.before]
    yield "packages removed", [(c.name, c.before) for c in packages if not c.after]
    yield "packages changed", [(c.name, f"{c.before} -> {c.after}") for c in packages if c.before and c.after]
    yield "licences", _changes(image.licenses or ())
    yield "layers added", _layers(image.added)
    yield "layers removed", _layers(image.removed)
    yield "configuration", _changes(image.configuration)


def difference_lines(image: ImageDifference) -> Iterator[str]:
    """Plain lines; texts of others are for whoever prints them to make printable."""
    yield f"{image.after.platform}: {image.before.reference} -> {image.after.reference}"
    yield f"  size {_size(image)}"
    for note in _missing(image):
        yield f"  {note}"
    for title, rows in sections(image):
        if rows:
            yield f"  {title}: {len(rows)}"
            yield from (f"    {'  '.join(filter(None, row))}" for row in rows[:_SHOWN])
            if len(rows) > _SHOWN:
                yield f"    and {len(rows) - _SHOWN} more; --json has all"


def difference_markdown(image: ImageDifference) -> str:
    """Markdown with a list for each section that has something."""
    before, after = markdown(image.before.reference), markdown(image.after.reference)
    parts = [f"## {markdown(image.after.platform)}: {before} → {after}\n\nsize {markdown(_size(image))}\n"]
    parts += [f"\n{note}\n" for note in map(markdown, _missing(image))]
    for title, rows in sections(image):
        if rows:
            parts.append(f"\n<details><summary>{title}: {len(rows)}</summary>\n\n")
            parts += [f"- {' '.join(markdown(cell) for cell in row if cell)}\n" for row in rows[:_SHOWN]]
            if len(rows) > _SHOWN:
                parts.append(f"- and {len(rows) - _SHOWN} more\n")
            parts.append("\n</details>\n")
    return "".join(parts)


def _size(image: ImageDifference) -> str:
    change = image.after.size - image.before.size
    sign = "+" if change >= 0 else "-"
    return f"{decimal_size(image.before.size)} -> {decimal_size(image.after.size)} ({sign}{decimal_size(abs(change))})"


def _missing(image: ImageDifference) -> Iterator[str]:
    """What could not be compared, or is not signed."""
    for name, part in (("packages", image.packages), ("findings", image.opened)):
        if part is None:
            yield f"{name} not compared: one of the images has none attested"
    for state in (image.before, image.after):
        if state.unverified:
            yield f"not signed by the key: {' and '.join(state.unverified)} of {line(state.reference)}"


def _findings(findings: tuple[Finding, ...] | None) -> list[Row]:
    return [
        (
            str(finding.severity).lower(),
            finding.id,
            f"in {finding.package} {finding.version}",
            f"(fixed in {finding.fixed})" if finding.fixed else "(no fix yet)",
        )
        for finding in findings or ()
    ]


def _changes(changes: Sequence[Change]) -> list[Row]:
    shown: Callable[[str], str] = lambda text: text or "none"  # noqa: E731
    return [(change.name, f"{shown(change.before)} -> {shown(change.after)}") for change in changes]


def _layers(layers: tuple[ComparedLayer, ...]) -> list[Row]:
    return [(decimal_size(layer.size), layer.created_by or layer.digest) for layer in layers]


def overview(differences: Sequence[ImageDifference]) -> str:
    """One line for all."""
    opened = sum(len(image.opened or ()) for image in differences)
    closed = sum(len(image.closed or ()) for image in differences)
    packages = sum(len(image.packages or ()) for image in differences)
    return (
        f"{plural(len(differences), 'image')}: {packages} packages and {opened + closed} findings differ "
        f"({opened} opened, {closed} closed)"
    )
