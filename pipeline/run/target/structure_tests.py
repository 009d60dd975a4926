"""Splits a structure-test file: what runs inside the image, and what is read from its archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.config.structure_test import StructureTests


@dataclass(frozen=True, slots=True)
class SplitTests:
    """Command and file tests, and metadata tests, each as a file of its own or None; how many cases both have."""

    inside: str | None = None
    metadata: str | None = None
    cases: int = 0


def split(text: str, path: str = "test.yml") -> SplitTests:
    """The parts of a container-structure-test 2.0.0 file. Raises ConfigError for anything else."""
    from pipeline.config.structure_test import (
        read_structure_tests,  # here: a run with nothing to do starts faster
    )

    tests, problems = read_structure_tests(text, path)
    if tests is None:
        raise ConfigError(problems)
    return SplitTests(
        _file(tests, "metadata_test") if tests.inside else None,
        _file(tests, "command_tests", "file_existence_tests", "file_content_tests", "license_tests")
        if tests.metadata
        else None,
        tests.inside + tests.metadata,
    )


def _file(tests: StructureTests, *left_out: str) -> str:
    import yaml

    data = tests.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={*left_out, "run_options"})
    return yaml.safe_dump(data, sort_keys=False)
