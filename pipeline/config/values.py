"""What the rest of the program works with: plain frozen values, made from the validated files.

Kept apart from the models so that a plan can be read back without importing pydantic, which alone costs
more than everything else that `lockage plan` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from pipeline.model import COMMIT_TAGS, Gates, Platform, Reference, Repository, TagTemplate

from .builder import Attestations, CacheEntry, Entitlement, SecretSource, SshSource

EMBEDDED = "embedded"

_NO_ATTESTATIONS = Attestations()

Strategy = Literal["semver", "calver", "numeric", "lexical", "explicit"]


@dataclass(frozen=True, slots=True)
class Environment:
    """A place that images are promoted to: the repository of each image in it."""

    name: str
    repository: str

    def path(self, image: str) -> str:
        """The repository path of an image here."""
        return self.repository.replace("{image}", image)


@dataclass(frozen=True, slots=True)
class Tools:
    """The images of the tools that build images and look at them."""

    buildkit: Reference
    syft: Reference
    trivy: Reference
    cosign: Reference
    structure_test: Reference

    @property
    def builder(self) -> str:
        """The version that builds, as its tag has it."""
        return self.buildkit.tag or ""

    def all(self) -> dict[str, Reference]:
        """Every tool by its key in lockage.yml."""
        return {
            "buildkit": self.buildkit,
            "syft": self.syft,
            "trivy": self.trivy,
            "cosign": self.cosign,
            "structure-test": self.structure_test,
        }


@dataclass(frozen=True, slots=True)
class Project:
    """What lockage.yml says, complete."""

    project: str
    registry: str
    environments: tuple[Environment, ...]
    builds: str
    platforms: tuple[Platform, ...]
    bases: tuple[Reference, ...]
    tools: Tools
    vulnerability_db: Reference
    policy: Gates
    source: str | None = None
    commit_tags: tuple[TagTemplate, ...] = COMMIT_TAGS
    arguments: Mapping[str, str] = field(default_factory=dict)  # of every image, below those of its own
    secrets: Mapping[str, SecretSource] = field(default_factory=dict)  # by id
    ssh: Mapping[str, SshSource] = field(default_factory=dict)  # by id
    entitlements: Mapping[str, tuple[Entitlement, ...]] = field(default_factory=dict)  # by image
    attestations: Attestations = _NO_ATTESTATIONS
    cache: tuple[CacheEntry, ...] = ()

    @property
    def images(self) -> dict[str, Reference]:
        """The images of everything that builds, looks at and attests images, by key."""
        asked = self.attestations
        return self.tools.all() | ({"sbom-generator": asked.generator} if asked.sbom else {})

    def environment(self, name: str) -> Environment:
        """An environment by name; raises KeyError."""
        for environment in self.environments:
            if environment.name == name:
                return environment
        raise KeyError(name)

    def repository(self, environment: Environment, image: str, *, embedded: str) -> Repository:
        """Where an image lives in an environment; `embedded` is the embedded registry's host."""
        return self._below(environment.path(image), embedded)

    def builds_repository(self, *, embedded: str) -> Repository:
        """The repository that remembers key → digest."""
        return self._below(self.builds, embedded)

    def _below(self, path: str, embedded: str) -> Repository:
        host, _, namespace = (embedded if self.registry == EMBEDDED else self.registry).partition("/")
        return Repository(host, f"{namespace}/{path}" if namespace else path)

    def to_json(self) -> dict[str, Any]:
        """The project as data."""
        return {
            "project": self.project,
            "registry": self.registry,
            "environments": [{"name": e.name, "repository": e.repository} for e in self.environments],
            "builds": self.builds,
            "platforms": [str(p) for p in self.platforms],
            "bases": [str(r) for r in self.bases],
            "tools": {name: str(ref) for name, ref in self.tools.all().items()},
            "vulnerability_db": str(self.vulnerability_db),
            "policy": self.policy.to_json(),
            "source": self.source,
            "commit_tags": [str(t) for t in self.commit_tags],
            "arguments": dict(self.arguments),
            "secrets": {name: source.to_json() for name, source in self.secrets.items()},
            "ssh": {name: source.to_json() for name, source in self.ssh.items()},
            "entitlements": {image: list(granted) for image, granted in self.entitlements.items()},
            "attestations": self.attestations.to_json(),
            "cache": [entry.to_json() for entry in self.cache],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The project that `to_json` wrote."""
        tools = {name.replace("-", "_"): Reference.parse(ref) for name, ref in data["tools"].items()}
        return cls(
            project=data["project"],
            registry=data["registry"],
            environments=tuple(Environment(**e) for e in data["environments"]),
            builds=data["builds"],
            platforms=tuple(Platform.parse(p) for p in data["platforms"]),
            bases=tuple(Reference.parse(r) for r in data["bases"]),
            tools=Tools(**tools),
            vulnerability_db=Reference.parse(data["vulnerability_db"]),
            policy=Gates.from_json(data["policy"]),
            source=data["source"],
            commit_tags=tuple(TagTemplate.parse(t) for t in data["commit_tags"]),
            arguments=dict(data["arguments"]),
            secrets={name: SecretSource.from_json(source) for name, source in data["secrets"].items()},
            ssh={name: SshSource.from_json(source) for name, source in data["ssh"].items()},
            entitlements={image: tuple(granted) for image, granted in data["entitlements"].items()},
            attestations=Attestations.from_json(data["attestations"]),
            cache=tuple(CacheEntry(**entry) for entry in data["cache"]),
        )
