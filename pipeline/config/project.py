"""lockage.yml: the project, where its images go, what they stand on, and what closes a gate."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from pipeline.model import Platform, Reference, Repository

from .base import ImageName, ImageReference, Model, PlatformName, Text
from .policy import Gates

EMBEDDED = "embedded"


def _reference(text: str) -> Any:
    return Field(default_factory=lambda: Reference.parse(text))


def _image_path(text: str) -> str:
    if text.count("{image}") != 1:
        raise ValueError(f"{text[:80]!r} must hold {{image}} once, such as dev/{{image}}")
    Repository("localhost", text.replace("{image}", "x"))
    return text


def _path(text: str) -> str:
    Repository("localhost", text)
    return text


def _registry(text: str) -> str:
    if text != EMBEDDED:
        host, _, path = text.partition("/")
        Repository(host, f"{path}/x" if path else "x")
    return text


class Environment(Model):
    """A place that images are promoted to, in order: the repository of each image in it."""

    name: ImageName
    repository: Annotated[Text, AfterValidator(_image_path)]

    def path(self, image: str) -> str:
        """The repository path of an image here."""
        return self.repository.replace("{image}", image)


class Tools(Model):
    """The images of the tools that look at images; the lock has their digests."""

    syft: ImageReference = _reference("docker.io/anchore/syft:v1.18.1")
    trivy: ImageReference = _reference("docker.io/aquasec/trivy:0.74.0")
    cosign: ImageReference = _reference("ghcr.io/sigstore/cosign/cosign:v3.1.3")
    structure_test: ImageReference = Field(
        default_factory=lambda: Reference.parse("gcr.io/gcp-runtimes/container-structure-test:v1.22.1"),
        alias="structure-test",
    )

    def all(self) -> dict[str, Reference]:
        """Every tool by its key in lockage.yml."""
        return {
            "syft": self.syft,
            "trivy": self.trivy,
            "cosign": self.cosign,
            "structure-test": self.structure_test,
        }


class ProjectFile(Model):
    """The whole of lockage.yml."""

    version: Literal[1]
    project: ImageName
    source: Text | None = Field(None, description="URL of the source repository, for labels")
    registry: Annotated[Text, AfterValidator(_registry)] = Field(
        EMBEDDED, description="embedded, or host[/namespace] of an OCI registry"
    )
    environments: tuple[Environment, ...] = Field(
        default_factory=lambda: (
            Environment(name="dev", repository="dev/{image}"),
            Environment(name="prod", repository="prod/{image}"),
        ),
        min_length=1,
        description="Where images are pushed (the first) and promoted to, in order",
    )
    builds: Annotated[Text, AfterValidator(_path)] = Field(
        "lockage/builds", description="Repository that remembers which key gave which digest"
    )
    platforms: tuple[PlatformName, ...] = Field(
        default_factory=lambda: (Platform("linux", "amd64"),), min_length=1
    )
    bases: tuple[ImageReference, ...] = Field((), description="Every image from elsewhere that FROM may name")
    tools: Tools = Field(default_factory=Tools)
    vulnerability_db: ImageReference = _reference("ghcr.io/aquasecurity/trivy-db:2")
    policy: Gates = Field(default_factory=Gates)

    @field_validator("version", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return int(value) if isinstance(value, str) and value.isdecimal() else value

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [e.name for e in self.environments]
        paths = [e.repository for e in self.environments]
        if len(set(names)) != len(names) or len(set(paths)) != len(paths):
            raise ValueError("two environments have the same name or repository")
        return self

    def environment(self, name: str) -> Environment:
        """An environment by name; raises KeyError."""
        return next((e for e in self.environments if e.name == name), None) or _missing(name)

    def repository(self, environment: Environment, image: str, *, embedded: str) -> Repository:
        """Where an image lives in an environment; `embedded` is the embedded registry's host."""
        return self._below(environment.path(image), embedded)

    def builds_repository(self, *, embedded: str) -> Repository:
        """The repository that remembers key → digest."""
        return self._below(self.builds, embedded)

    def _below(self, path: str, embedded: str) -> Repository:
        host, _, namespace = (embedded if self.registry == EMBEDDED else self.registry).partition("/")
        return Repository(host, f"{namespace}/{path}" if namespace else path)


def _missing(name: str) -> Environment:
    raise KeyError(name)
