"""A policy in a file of its own, to be tried before it is put into lockage.yml."""

from __future__ import annotations

from pydantic import Field

from .base import Model
from .policy import ProjectPolicy
from .validation import read_document


class PolicyFile(Model):
    """The whole of the file."""

    policy: ProjectPolicy = Field(description="As in lockage.yml")


def read_policy(content: bytes, path: str) -> ProjectPolicy:
    """The policy of a file's content. Raises ConfigError with every problem."""
    hint = "write policy: as lockage.yml has it, and nothing else"
    return read_document(PolicyFile, content, path, hint).policy
