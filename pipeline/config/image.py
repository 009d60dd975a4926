"""image.yml: one image, its tags and its variants; and the same file in a variant's folder."""

from __future__ import annotations

from pydantic import Field, model_validator

from .base import (
    Arguments,
    Flag,
    ImageName,
    ImageReference,
    Labels,
    Model,
    Owner,
    PlatformName,
    Suffix,
    Tag,
    TemplatePath,
    Text,
    Variables,
    VariantName,
    Versions,
)
from .build import Contexts, Id
from .image_checks import Checks
from .policy import GatePolicy
from .values import Strategy


class Level(Model):
    """What can be said at every level (image, tag, variant); the later level wins."""

    template: TemplatePath | None = Field(None, description="Dockerfile template; found by name otherwise")
    test_template: TemplatePath | None = Field(
        None, description="Structure test template; found by name otherwise"
    )
    versions: Versions = Field(default_factory=dict, description="Versions of what is inside, for templates")
    variables: Variables = Field(default_factory=dict, description="Anything else that templates need")
    args: Arguments = Field(
        default_factory=dict, description="Build arguments: what ARG gets, as --build-arg"
    )
    rootfs_user: Owner | None = Field(None, description="Owner of rootfs/ in the image (default 0:0)")
    rootfs_copy: Flag | None = Field(None, description="Whether COPY rootfs/ / is put in (default true)")
    contexts: Contexts = Field(
        default_factory=dict,
        description="What stands in for images and stages of the Dockerfile: docker-image://, an address, or ./folder",
    )
    secrets: tuple[Id, ...] = Field(
        (), description="Secrets of lockage.yml that RUN may mount; levels add up"
    )
    ssh: tuple[Id, ...] = Field(
        (), description="ssh entries of lockage.yml that RUN may mount; levels add up"
    )
    labels: Labels = Field(default_factory=dict, description="OCI labels")
    checks: Checks = Field(
        default_factory=dict, description="Commands that test the image, by name; levels add up"
    )


class TagEntry(Level):
    """One tag. A bare string is a tag that says nothing else."""

    name: Tag
    aliases: tuple[Tag, ...] = Field((), description="More names for this tag, beside the automatic ones")
    external: ImageReference | None = Field(
        None, description="An image built elsewhere that this tag is; it is taken over by digest, not built"
    )

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value


class VariantEntry(Level):
    """One variant: every tag of the image again, with a suffix. A bare string is its name."""

    name: VariantName
    suffix: Suffix | None = Field(None, description="Appended to every tag (default: - and the name)")

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value


class VariantFile(Level):
    """image.yml in `images/<name>/<version>/<variant>/`: a variant that lives in a folder of its own."""

    name: VariantName | None = Field(None, description="The variant's name (default: its folder)")
    suffix: Suffix | None = Field(None, description="Appended to every tag (default: - and the name)")


class ImageFile(Level):
    """image.yml in `images/<name>/` or `images/<name>/<version>/`."""

    name: ImageName | None = Field(None, description="The image's name (default: its folder)")
    title: Text | None = Field(None, description="One line for people")
    description: Text | None = Field(None, description="What the image is for")
    platforms: tuple[PlatformName, ...] | None = Field(None, description="Default: the project's platforms")
    version_strategy: Strategy | None = Field(None, description="How tags are ordered (default semver)")
    aliases: Flag | None = Field(None, description="Whether automatic aliases are made (default true)")
    tags: tuple[TagEntry, ...] = Field((), description="The tags, in any order")
    variants: tuple[VariantEntry, ...] = Field((), description="The variants")
    gates: GatePolicy | None = Field(None, description="Where this image differs from the project's policy")
