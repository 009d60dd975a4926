"""Test files of tags: each against the tester's schema, with problems at the template's lines."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from pipeline.catalogue.source import Source
from pipeline.catalogue.templating.lines import rendered_lines
from pipeline.catalogue.templating.rendering import Rendered
from pipeline.errors import Problem

if TYPE_CHECKING:
    from pipeline.config.structure_test import StructureTests

_OPTIONS = "containerRunOptions"


def check_tests(
    source: Source, item: Rendered, valid: frozenset[str], problems: list[Problem]
) -> tuple[str, ...]:
    """Append every problem of a tag's test file; return warnings for what has no effect here. `valid` are test files
    that had no problem in another plan."""
    template, text = item.test_template, item.test
    if template is None or text is None or (text in valid and _OPTIONS not in text):
        return ()
    tests, in_text = _read(text, template)
    if in_text:
        lines = rendered_lines(source, template, item.definition, text) or ()
        for problem in in_text:
            known = 1 <= problem.line <= len(lines)
            path, line = lines[problem.line - 1] if known else (template, 1)
            problems.append(replace(problem, path=path, line=line, column=1, subject=item.definition.name))
    if tests is not None and tests.run_options is not None:
        return (f"{template}: {_OPTIONS}: has no effect: tests run in the image itself, without Docker",)
    return ()


@lru_cache(maxsize=64)  # the tags of one image, which often have the same test
def _read(text: str, template: str) -> tuple[StructureTests | None, tuple[Problem, ...]]:
    from pipeline.config.structure_test import read_structure_tests  # pydantic and PyYAML

    tests, problems = read_structure_tests(text, template)
    return tests, tuple(problems)
