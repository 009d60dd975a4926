"""Test files against container-structure-test's schema 2.0.0: the place of each problem, and what was meant."""

import pytest
import yaml

from pipeline.config.structure_test import read_structure_tests
from pipeline.errors import ConfigError
from pipeline.run.target.examination.structure_tests import prepared

HEAD = "schemaVersion: 2.0.0\n"
COMMAND = "commandTests:\n  - {name: a, command: b}\n"


def problems(text: str) -> list[str]:
    return [str(problem) for problem in read_structure_tests(text, "test.yml")[1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "comandTests:\n  - {name: a, command: b}\n",
            "2:1: comandTests: is not a known key (did you mean commandTests?)",
        ),
        (
            "commandTest:\n  - {name: a, command: b}\n",
            "2:1: commandTest: is not a known key (did you mean commandTests?)",
        ),
        (
            COMMAND + "metadatatest: {}\n",
            "4:1: metadatatest: is not a known key (did you mean metadataTest?)",
        ),
        (
            "commandTests:\n  - name: a\n    command: b\n    expectedOutputs: [x]\n",
            "5:5: commandTests[0].expectedOutputs: is not a known key (did you mean expectedOutput?)",
        ),
        ("commandTests: {name: a, command: b}\n", "2:15: commandTests: a list is expected"),
        ("commandTests:\n  - {name: a}\n", "3:5: commandTests[0].command: is missing"),
        (
            "commandTests:\n  - {name: a, command: b, args: x}\n",
            "3:33: commandTests[0].args: a list is expected",
        ),
        (
            "commandTests:\n  - {name: a, command: b, exitCode: none}\n",
            "3:37: commandTests[0].exitCode: a whole number is expected",
        ),
        (
            "fileExistenceTests:\n  - {name: a, path: b, shouldExist: maybe}\n",
            "3:37: fileExistenceTests[0].shouldExist: true or false is expected",
        ),
        (COMMAND + COMMAND, "4:1: the key is written twice"),
    ],
)
def test_a_problem_has_its_place_and_a_suggestion(text: str, expected: str) -> None:
    found = problems(HEAD + text)
    assert len(found) == 1
    assert found[0].startswith(f"test.yml:{expected}") or "twice" in expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "commandTests: []\n",
        "commandTests:\n",
        "metadataTest: {}\n",
        "metadataTest: {workdir: ''}\n",
        "globalEnvVars: []\n",
    ],
)
def test_a_file_without_a_case_is_a_problem(text: str) -> None:
    assert ["the file has no test" in problem for problem in problems(HEAD + text)] == [True]
    with pytest.raises(ConfigError):
        prepared(HEAD + text)


@pytest.mark.parametrize("version", ["1.0.0", "2.0", "2.0.1", "'2'"])
def test_another_version_of_the_schema_is_refused(version: str) -> None:
    (problem,) = problems(f"schemaVersion: {version}\n{COMMAND}")
    assert "is not one of: 2.0.0" in problem


def test_cases_are_counted_and_scalars_are_texts() -> None:
    tests = prepared(
        HEAD
        + "globalEnvVars: [{key: A, value: 'no'}]\n"
        + "commandTests: [{name: a, command: b, expectedOutput: [1.10, no], exitCode: 3}]\n"
        + "fileContentTests: [{name: c, path: /d}]\nlicenseTests: [{debian: true}]\n"
        + "metadataTest: {entrypoint: [], user: 0}\ncontainerRunOptions: {privileged: true}\n"
    )
    assert tests.cases == 4 and tests.inside
    file = yaml.safe_load(tests.file)
    assert file["commandTests"] == [
        {"name": "a", "command": "b", "expectedOutput": ["1.10", "no"], "exitCode": 3}
    ]
    assert file["licenseTests"] == [{"debian": True}] and file["globalEnvVars"] == [
        {"key": "A", "value": "no"}
    ]
    assert file["metadataTest"] == {"entrypoint": [], "user": "0"} and "containerRunOptions" not in file


def test_metadata_alone_needs_no_container_of_the_image() -> None:
    tests = prepared(HEAD + "metadataTest: {user: root}\n")
    assert tests.cases == 1 and not tests.inside
