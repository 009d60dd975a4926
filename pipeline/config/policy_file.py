"""A policy in a file of its own, to be tried before it is put into lockage.yml."""

from __future__ import annotations

from pydantic import Field

from pipeline.errors import ConfigError

from .base import Model
from .policy import ProjectPolicy
from .validation import validate_document
from .yaml import YamlProblem, load


class PolicyFile(Model):
    """The whole of the file."""

    policy: ProjectPolicy = Field(description="As in lockage.yml")


def read_policy(content: bytes, path: str) -> ProjectPolicy:
    """The policy of a file's content. Raises ConfigError with every problem."""
    try:
        document = load(content, path)
    except YamlProblem as error:
        raise ConfigError([error.problem]) from None
    file, problems = validate_document(PolicyFile, document)
    if file is None:
        raise ConfigError(problems, hint="write policy: as lockage.yml has it, and nothing else")
    return file.policy
