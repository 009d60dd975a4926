"""lockage.yml: the project, where its images go, what they are based on, and what closes a gate."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from pipeline.model import COMMIT_TAGS, Gates, Platform, Repository
from pipeline.model.gates import PolicyDocuments

from . import shapes, values
from .base import (
    Arguments,
    CommitTag,
    FormatVersion,
    ImageName,
    ImageReference,
    Mistake,
    Model,
    PlatformName,
    Text,
)
from .build import AttestationsEntry, CacheEntry, Entitlements, Secrets, Ssh
from .environments.entry import EnvironmentEntry, other_registry
from .environments.registries import RegistriesEntry
from .policy import ProjectPolicy
from .retention.entry import RetentionEntry
from .signing.entry import SignEntry
from .tools.entry import DatabaseListing, ToolEntries, default_image
from .tools.values import GRYPE_DB
from .values import EMBEDDED, PULL_REQUEST_SUFFIX


def _shown(schema: shapes.Schema) -> WithJsonSchema:
    return WithJsonSchema(dict(schema))


def _suffix(text: str) -> str:
    if not re.fullmatch(shapes.REPOSITORY_SUFFIX, text):
        raise ValueError(f"{text[:80]!r} is not the end of a repository's name, such as -pr or /pr")
    return text


def _path(text: str) -> str:
    Repository("localhost", text)
    return text


def _key_file(text: str) -> str:
    parts = text.split("/")
    if not text or text.startswith("/") or "\\" in text or {"", ".", ".."} & set(parts):
        raise ValueError(f"{text[:80]!r} must be a path below lockage.yml, such as keys/ci.pub")
    return text


def _media_type(text: str) -> str:
    if not re.fullmatch(shapes.MEDIA_TYPE_PATTERN, text):
        raise ValueError(f"{text[:80]!r} is not a media type, such as application/vnd.acme.metadata.v1+json")
    return text


def _registry(text: str) -> str:
    return text if text == EMBEDDED else other_registry(text)


class TrustEntry(Model):
    """Whose word counts beside that of the key that signs."""

    records: tuple[Annotated[Text, AfterValidator(_key_file)], ...] = Field(
        (), description="Files of public keys, such as keys/ci.pub, whose records count as one's own do"
    )


class ReleaseEntry(Model):
    """What `lockage release` does."""

    to: tuple[ImageName, ...] = Field(
        (), description="Environments that a release goes to, all at once (default: the last)"
    )


class MetadataEntry(Model):
    """The artifact that tells others what each environment holds."""

    repository: Annotated[Text, AfterValidator(_path), _shown(shapes.REPOSITORY)] = Field(
        description="Its repository below the registry"
    )
    artifact_type: Annotated[Text, AfterValidator(_media_type), _shown(shapes.MEDIA_TYPE)] = Field(
        values.ChannelMetadata.artifact_type, description="Its artifactType, a media type"
    )

    def value(self) -> values.ChannelMetadata:
        """As the program uses it."""
        return values.ChannelMetadata(self.repository, self.artifact_type)


class ProjectFile(Model):
    """The whole of lockage.yml."""

    version: FormatVersion = Field(description="The format of this file")
    project: ImageName = Field(description="The project's name")
    source: Text | None = Field(None, description="URL of the source repository, for labels")
    registry: Annotated[Text, AfterValidator(_registry), _shown(shapes.REGISTRY)] = Field(
        EMBEDDED, description="embedded, or host[/namespace] of an OCI registry"
    )
    registries: RegistriesEntry = Field(
        default_factory=RegistriesEntry,
        description="Registries beside it: kept level with environments, or read where it fails",
    )
    environments: tuple[EnvironmentEntry, ...] = Field(
        default_factory=lambda: (
            EnvironmentEntry(name="dev", repository="dev/{image}"),
            EnvironmentEntry(name="prod", repository="prod/{image}"),
        ),
        min_length=1,
        description="Where images are pushed (the first) and promoted to, in order",
    )
    builds: Annotated[Text, AfterValidator(_path), _shown(shapes.REPOSITORY)] = Field(
        "lockage/builds", description="Repository that remembers which key gave which digest"
    )
    pull_request_suffix: Annotated[Text, AfterValidator(_suffix), _shown(shapes.SUFFIX)] = Field(
        PULL_REQUEST_SUFFIX, description="What pull requests push to: repositories with this at the end"
    )
    platforms: tuple[PlatformName, ...] = Field(
        default_factory=lambda: (Platform("linux", "amd64"),),
        min_length=1,
        description="What images are built for (default linux/amd64)",
    )
    bases: tuple[ImageReference, ...] = Field((), description="Every image from elsewhere that FROM may name")
    args: Arguments = Field(
        default_factory=dict, description="Build arguments of every image; an image's own win"
    )
    secrets: Secrets = Field(default_factory=dict, description="Where build secrets come from, by id")
    ssh: Ssh = Field(default_factory=dict, description="What ssh mounts reach, by id (usually default)")
    entitlements: Entitlements = Field(
        default_factory=dict,
        description="Images whose RUN may use the host's network or run unconfined",
        json_schema_extra={"additionalProperties": False},
    )
    attestations: AttestationsEntry = Field(
        default_factory=AttestationsEntry, description="What BuildKit attests of every build by itself"
    )
    cache: tuple[CacheEntry, ...] = Field((), description="Where BuildKit's cache is kept between machines")
    tools: ToolEntries = Field(
        default_factory=ToolEntries, description="Images of the tools, or their mirrors"
    )
    vulnerability_db: ImageReference = default_image("ghcr.io/aquasecurity/trivy-db:2", "The scanner's data")
    java_db: ImageReference = default_image(
        "ghcr.io/aquasecurity/trivy-java-db:1", "The scanner's data about Java archives"
    )
    grype_db: DatabaseListing = Field(
        GRYPE_DB, description=f"The listing of grype's data, schema 6 (default {GRYPE_DB})"
    )
    policy: ProjectPolicy = Field(default_factory=ProjectPolicy, description="What closes a gate")
    trust: TrustEntry = Field(
        default_factory=TrustEntry, description="Whose records of earlier builds count, beside one's own"
    )
    sign: SignEntry = Field(
        default_factory=SignEntry, description="Who signs images; the key pair by default"
    )
    release: ReleaseEntry = Field(default_factory=ReleaseEntry, description="Where releases go")
    metadata: MetadataEntry | None = Field(
        None, description="An artifact with the versions and digests of all environments, for other programs"
    )
    commit_tags: tuple[CommitTag, ...] = Field(
        COMMIT_TAGS,
        min_length=1,
        description="Tags in the first environment for what a commit built: of {sha}, {short}, {branch}, {pr}, {tag}",
    )

    retention: RetentionEntry | None = Field(
        None, description="What lockage retention deletes (default: nothing)"
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [e.name for e in self.environments]
        paths = [(e.registry or self.registry, e.repository) for e in self.environments]
        if len(set(names)) != len(names) or len(set(paths)) != len(paths):
            raise Mistake("two environments have the same name or repository", ("environments",))
        for number, name in enumerate(self.release.to):
            if name not in names[1:]:
                others = ", ".join(names[1:]) or "no other"
                raise Mistake(
                    f"release: to: names {name}, but releases go to one of: {others}",
                    ("release", "to", number),
                )
        self._check_first(self.environments[0])
        self.registries.check(self.registry, self.environments)
        for name in self.retention.environments if self.retention else ():
            if name not in names:
                raise Mistake(
                    f"retention: names the environment {name}, and there are {', '.join(names)}",
                    ("retention", "environments", name),
                )
        return self

    @staticmethod
    def _check_first(first: EnvironmentEntry) -> None:
        name, place = first.name, ("environments", 0)
        if first.registry is not None:
            raise Mistake(
                f"{name} is the first environment, which is in the project's registry: say registry: of the project",
                (*place, "registry"),
            )
        if first.promote == "automatic":
            raise Mistake(
                f"{name} is the first environment, which gets every push: nothing is promoted to it",
                (*place, "promote"),
            )
        if first.approvals is not None:
            raise Mistake(
                f"{name} is the first environment, which gets every push, and no plan can be approved first",
                (*place, "approvals"),
            )

    def value(self, documents: PolicyDocuments | None = None) -> values.Project:
        """As the program uses it; `documents` are the files that its policy names."""
        return values.Project(
            project=self.project,
            registry=self.registry,
            environments=tuple(entry.value() for entry in self.environments),
            secondaries=tuple(entry.value(self.environments) for entry in self.registries.secondaries),
            fallback=tuple(dict.fromkeys(self.registries.fallback)),
            builds=self.builds,
            pull_request_suffix=self.pull_request_suffix,
            platforms=self.platforms,
            bases=self.bases,
            tools=self.tools.value(),
            vulnerability_db=self.vulnerability_db,
            java_db=self.java_db,
            grype_db=self.grype_db,
            policy=self.policy.over(Gates(), documents),
            loosen=tuple(sorted(set(self.policy.loosen))),
            source=self.source,
            commit_tags=self.commit_tags,
            arguments=self.args,
            secrets={name: entry.value() for name, entry in self.secrets.items()},
            ssh={name: entry.value() for name, entry in self.ssh.items()},
            entitlements={name: tuple(sorted(set(granted))) for name, granted in self.entitlements.items()},
            attestations=self.attestations.value(),
            cache=tuple(entry.value() for entry in self.cache),
            trusted_records=tuple(dict.fromkeys(self.trust.records)),
            keyless=self.sign.keyless.value() if self.sign.keyless else None,
            kms=self.sign.kms,
            tag_signatures="tag" in self.sign.signatures,
            release_to=tuple(dict.fromkeys(self.release.to)),
            metadata=self.metadata.value() if self.metadata else None,
            retention=self.retention.value() if self.retention else None,
        )
