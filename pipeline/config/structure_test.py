"""Test files: container-structure-test's schema 2.0.0, checked before anything is built.

The tester itself ignores a file without cases, and reads `1.10` as written; so does this.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipeline.errors import Problem

from .base import Flag, Model, Text
from .validation import validate_document
from .yaml import YamlProblem, load

_CASES = "commandTests, fileExistenceTests, fileContentTests, metadataTest or licenseTests"

Texts = tuple[Text, ...] | None
Required = Annotated[Text, Field(min_length=1)]


class Pair(Model):
    """An environment variable or a label."""

    key: Required
    value: Text | None = None
    is_regex: Flag | None = Field(None, alias="isRegex")


Pairs = tuple[Pair, ...] | None
Commands = tuple[tuple[Text, ...], ...] | None


class CommandTest(Model):
    """A command run in the image."""

    name: Required
    setup: Commands = None
    teardown: Commands = None
    env_vars: Pairs = Field(None, alias="envVars")
    exit_code: int | None = Field(None, alias="exitCode")
    command: Required
    args: Texts = None
    expected_output: Texts = Field(None, alias="expectedOutput")
    excluded_output: Texts = Field(None, alias="excludedOutput")
    expected_error: Texts = Field(None, alias="expectedError")
    excluded_error: Texts = Field(None, alias="excludedError")


class FileExistenceTest(Model):
    """A file that is there, or is not."""

    name: Required
    path: Required
    should_exist: Flag | None = Field(None, alias="shouldExist")
    permissions: Text | None = None
    uid: int | None = None
    gid: int | None = None
    is_executable_by: Text | None = Field(None, alias="isExecutableBy")


class FileContentTest(Model):
    """What a file holds."""

    name: Required
    path: Required
    expected_contents: Texts = Field(None, alias="expectedContents")
    excluded_contents: Texts = Field(None, alias="excludedContents")


class MetadataTest(Model):
    """The image's configuration."""

    env_vars: Pairs = Field(None, alias="envVars")
    unbound_env_vars: Pairs = Field(None, alias="unboundEnvVars")
    labels: Pairs = None
    exposed_ports: Texts = Field(None, alias="exposedPorts")
    unexposed_ports: Texts = Field(None, alias="unexposedPorts")
    entrypoint: Texts = None
    cmd: Texts = None
    workdir: Text | None = None
    volumes: Texts = None
    unmounted_volumes: Texts = Field(None, alias="unmountedVolumes")
    user: Text | None = None

    @property
    def empty(self) -> bool:
        """Whether the tester skips it: an empty command line is something to test, other empty values are not."""
        return self.entrypoint is None and self.cmd is None and not any(dict(self).values())


class LicenseTest(Model):
    """Files whose licences are allowed."""

    debian: Flag | None = None
    files: Texts = None


class ContainerRunOptions(Model):
    """How Docker would start the container; tests run without Docker here."""

    user: Text | None = None
    privileged: Flag | None = None
    allocate_tty: Flag | None = Field(None, alias="allocateTty")
    env_vars: Texts = Field(None, alias="envVars")
    env_file: Text | None = Field(None, alias="envFile")
    capabilities: Texts = None
    bind_mounts: Texts = Field(None, alias="bindMounts")


class StructureTests(Model):
    """A whole file."""

    schema_version: Literal["2.0.0"] = Field(alias="schemaVersion")
    global_env_vars: Pairs = Field(None, alias="globalEnvVars")
    command_tests: tuple[CommandTest, ...] | None = Field(None, alias="commandTests")
    file_existence_tests: tuple[FileExistenceTest, ...] | None = Field(None, alias="fileExistenceTests")
    file_content_tests: tuple[FileContentTest, ...] | None = Field(None, alias="fileContentTests")
    metadata_test: MetadataTest | None = Field(None, alias="metadataTest")
    license_tests: tuple[LicenseTest, ...] | None = Field(None, alias="licenseTests")
    run_options: ContainerRunOptions | None = Field(None, alias="containerRunOptions")

    @property
    def inside(self) -> int:
        """How many cases are tested inside the image."""
        lists = (self.command_tests, self.file_existence_tests, self.file_content_tests, self.license_tests)
        return sum(len(cases or ()) for cases in lists)

    @property
    def metadata(self) -> int:
        """How many cases are tested on the image's configuration: the tester reports them as one."""
        return 0 if self.metadata_test is None or self.metadata_test.empty else 1


def read_structure_tests(text: str, path: str) -> tuple[StructureTests | None, list[Problem]]:
    """A test file, or every problem in it; one without a case is a problem."""
    try:
        document = load(text, path)
    except YamlProblem as error:
        return None, [error.problem]
    tests, problems = validate_document(StructureTests, document)
    if tests is not None and not tests.inside + tests.metadata:
        message = "the file has no test"
        return None, [Problem(path, 1, 1, "", message, f"write {_CASES}, or remove it")]
    return tests, problems
