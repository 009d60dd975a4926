"""A structure-test file as it is run: in the image under test, or beside it where only metadata is tested."""

from __future__ import annotations

from pipeline.errors import ConfigError
from pipeline.util.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class StructureTestFile:
    """The file, how many cases it has, and whether any runs commands or reads files of the image."""

    file: str
    cases: int
    inside: bool


def prepared(text: str, path: str = "test.yml") -> StructureTestFile:
    """A container-structure-test 2.0.0 file to run. Raises ConfigError for anything else."""
    import yaml  # here, as the next: a run with nothing to do starts faster

    from pipeline.config.structure_test import read_structure_tests

    tests, problems = read_structure_tests(text, path)
    if tests is None:
        raise ConfigError(problems)
    data = tests.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"run_options"})
    file = yaml.safe_dump(data, sort_keys=False)
    return StructureTestFile(file, tests.inside + tests.metadata, bool(tests.inside))
