"""The parts of lockage.yml that say what a build gets beside its files; none of them holds a secret."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from pipeline.model import Reference

from . import builder, shapes
from .base import Flag, ImageName, ImageReference, Model, Text

_ADDRESS = re.compile(r"(?:https?|git)://\S+|git@\S+:\S+")
_ID = re.compile(r"[A-Za-z0-9_.-]+")
_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _id(text: str) -> str:
    if not _ID.fullmatch(text) or len(text) > 128:
        raise ValueError(f"{text[:80]!r} is not an id (letters, digits, '_', '.', '-')")
    return text


def _environment(text: str) -> str:
    if not _ENVIRONMENT.fullmatch(text) or len(text) > 128:
        raise ValueError("the name of an environment variable is expected, not a value")
    return text


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return text


def _repository(text: str) -> str:
    reference = Reference.parse(text)
    if reference.tag or reference.digest:
        raise ValueError("a repository without tag and digest is expected")
    return str(reference.repository)


def _context_name(text: str) -> str:
    reference = Reference.parse(text)
    familiar = reference.familiar.removesuffix(":latest")
    if familiar in ("scratch", "context"):
        raise ValueError(f"{text} cannot be replaced")
    if familiar != text:
        raise ValueError(f"write it as {familiar}: BuildKit looks for that")
    return text


def _context_source(text: str) -> str:
    if text.startswith("docker-image://"):
        Reference.parse(text.removeprefix("docker-image://"))
    elif text.startswith("./"):
        parts = text.removeprefix("./").removesuffix("/").split("/")
        if "\\" in text or "\0" in text or any(part in ("", ".", "..") for part in parts):
            raise ValueError(f"{text[:80]!r} is not a folder below that of image.yml")
    elif not _ADDRESS.fullmatch(text):
        raise ValueError("docker-image://IMAGE, a git or http(s) address, or ./FOLDER is expected")
    return text


Id = Annotated[str, AfterValidator(_id), WithJsonSchema(dict(shapes.matching(_ID)))]
EnvironmentName = Annotated[
    str, AfterValidator(_environment), WithJsonSchema(dict(shapes.matching(_ENVIRONMENT)))
]
Given = Annotated[str, AfterValidator(_not_empty), WithJsonSchema(dict(shapes.NOT_EMPTY))]
RepositoryName = Annotated[Text, AfterValidator(_repository), WithJsonSchema(dict(shapes.UNTAGGED))]
Contexts = Annotated[
    dict[
        Annotated[str, AfterValidator(_context_name)],
        Annotated[Text, AfterValidator(_context_source)],
    ],
    WithJsonSchema(dict(shapes.CONTEXTS)),
]


class _OneOf(Model):
    """Exactly one of its keys, none of them empty."""

    least: ClassVar[int] = 1

    @model_validator(mode="after")
    def _one(self) -> Self:
        names = list(type(self).model_fields)
        given = [name for name in names if name in self.model_fields_set]
        if not self.least <= len(given) <= 1 or any(getattr(self, name) is None for name in given):
            raise ValueError(f"exactly one of {', '.join(names)} is expected")
        return self


def _one_of(least: int) -> Callable[[dict[str, Any]], None]:
    def extend(schema: dict[str, Any]) -> None:  # as pydantic calls it
        schema |= {"minProperties": least, "maxProperties": 1}
        for entry in schema["properties"].values():
            entry.pop("default")
            entry |= entry.pop("anyOf")[0]  # none of them may be null

    return extend


class SecretEntry(_OneOf, json_schema_extra=_one_of(1)):
    """Where a secret comes from, read when a build needs it and never kept."""

    env: EnvironmentName | None = Field(None, description="The environment variable that holds it")
    file: Given | None = Field(
        None, description="The file that holds it, below lockage.yml's folder or absolute"
    )
    command: Annotated[tuple[Given, ...], Field(min_length=1)] | None = Field(
        None, description="The command that prints it, word by word; no shell reads it"
    )

    def value(self) -> builder.SecretSource:
        """As the program uses it."""
        if self.env is not None:
            return builder.SecretSource("env", self.env)
        if self.file is not None:
            return builder.SecretSource("file", self.file)
        assert self.command is not None, "validated"
        return builder.SecretSource("command", self.command)


class SshEntry(_OneOf, json_schema_extra=_one_of(0)):
    """What RUN --mount=type=ssh reaches."""

    least: ClassVar[int] = 0

    agent: EnvironmentName | None = Field(
        None, description="The environment variable with the agent's socket (default SSH_AUTH_SOCK)"
    )
    file: Given | None = Field(
        None, description="The file of a private key, below lockage.yml's folder or absolute"
    )

    def value(self) -> builder.SshSource:
        """As the program uses it."""
        if self.file is not None:
            return builder.SshSource("file", self.file)
        return builder.SshSource() if self.agent is None else builder.SshSource("agent", self.agent)


class AttestationsEntry(Model):
    """What BuildKit attests of every build by itself."""

    provenance: builder.Provenance = Field("none", description="How much it says of the build")
    sbom: Flag = Field(False, description="Whether it lists the image's packages")
    generator: ImageReference = Field(
        default_factory=lambda: Reference.parse(builder.SBOM_GENERATOR),
        description=f"The image that lists them, pinned by the lock (default {builder.SBOM_GENERATOR})",
    )

    def value(self) -> builder.Attestations:
        """As the program uses it."""
        return builder.Attestations(self.provenance, self.sbom, self.generator)


class _CacheEntry(Model):
    mode: builder.CacheMode = Field("max", description="max: every stage's layers; min: the image's alone")
    compression: builder.Compression = Field("zstd", description="Of the layers it writes")
    export: builder.CacheExport = Field(
        "branch", description="Which runs write it: all but pull requests, commits of branches, none"
    )

    def _value(self, type: builder.CacheType, **attributes: str | bool | None) -> builder.CacheEntry:
        written = {
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in attributes.items()
            if value is not None
        }
        return builder.CacheEntry(type, written, self.mode, self.compression, self.export)


class RegistryCache(_CacheEntry):
    """A repository of a registry."""

    type: Literal["registry"] = Field(description="A repository of a registry")
    ref: RepositoryName = Field(description="The repository, without a tag")

    def value(self) -> builder.CacheEntry:
        """As the program uses it."""
        return self._value(self.type, ref=self.ref)


class S3Cache(_CacheEntry):
    """A bucket of an S3 store."""

    type: Literal["s3"] = Field(description="A bucket of an S3 store")
    bucket: Given = Field(description="The bucket")
    region: Given = Field(description="Its region")
    prefix: Text | None = Field(None, description="Put before every object's name")
    endpoint_url: Text | None = Field(None, description="The store's address, if it is not AWS")
    use_path_style: Flag | None = Field(None, description="Whether the bucket is in the address's path")

    def value(self) -> builder.CacheEntry:
        """As the program uses it."""
        return self._value(
            self.type,
            bucket=self.bucket,
            region=self.region,
            prefix=self.prefix,
            endpoint_url=self.endpoint_url,
            use_path_style=self.use_path_style,
        )


class LocalCache(_CacheEntry):
    """A folder beside the builder."""

    type: Literal["local"] = Field(description="A folder")
    path: Given = Field(description="The folder, below lockage.yml's folder or absolute")

    def value(self) -> builder.CacheEntry:
        """As the program uses it."""
        return self._value(self.type, path=self.path)


class GithubCache(_CacheEntry):
    """The cache of GitHub Actions."""

    type: Literal["gha"] = Field(description="The cache of GitHub Actions")
    scope: Text | None = Field(None, description="Keeps caches apart (default: one for each image)")

    def value(self) -> builder.CacheEntry:
        """As the program uses it."""
        return self._value(self.type, scope=self.scope)


CacheEntry = Annotated[RegistryCache | S3Cache | LocalCache | GithubCache, Field(discriminator="type")]
Entitlements = dict[ImageName, tuple[builder.Entitlement, ...]]
Secrets = Annotated[dict[Id, SecretEntry], Field(json_schema_extra={"additionalProperties": False})]
Ssh = Annotated[dict[Id, SshEntry], Field(json_schema_extra={"additionalProperties": False})]
