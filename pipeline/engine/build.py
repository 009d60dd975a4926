"""One target from its generated Dockerfile and context to a manifest in the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.catalogue.dockerfiles.scan import scan
from pipeline.model import Digest, Platform, Reference

from .faults import explained

if TYPE_CHECKING:
    import dagger

EPOCH = "SOURCE_DATE_EPOCH"
FRESH = "LOCKAGE_FRESH"


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """Everything a build needs; `dockerfile` names bases by digest and address, `context` holds the rest.

    `destination` is where the manifest goes: a tag in the repository of builds, never one that people use.
    `fresh` is a word never used before when nothing may come from the engine's cache. `epoch` is what a Dockerfile
    sees that declares SOURCE_DATE_EPOCH (seconds since 1970); to the cache of any other one it makes no difference.
    """

    target: str
    dockerfile: str
    context: dagger.Directory
    platform: Platform
    destination: Reference
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    hint: str | None = None
    fresh: str | None = None
    epoch: int | None = None


def image(client: dagger.Client, order: BuildOrder) -> dagger.Container:
    """The image as a container of the engine, not yet built."""
    import dagger

    text = uncached(order.dockerfile, order.fresh) if order.fresh else order.dockerfile
    context = order.context.with_new_file("Dockerfile", text)
    arguments = []
    if order.epoch is not None and declares(order.dockerfile, EPOCH):
        arguments.append(dagger.BuildArg(EPOCH, str(order.epoch)))
    built = context.docker_build(platform=dagger.Platform(str(order.platform)), build_args=arguments)
    # The engine's Dockerfile converter leaves every ARG in the image's environment; ours is no business of the image's.
    for name in (FRESH, EPOCH):
        if declares(text, name) and not _sets(order.dockerfile, name):
            built = built.without_env_variable(name)
    for name, value in sorted(order.labels.items()):
        built = built.with_label(name, value)
    for name, value in sorted(order.annotations.items()):
        built = built.with_annotation(name, value)
    return built


def declares(dockerfile: str, argument: str) -> bool:
    """Whether an ARG of this name is declared in any stage, or before the first."""
    return any(
        word.text.partition("=")[0] == argument
        for instruction in scan(dockerfile).instructions
        if instruction.keyword == "ARG"
        for word in instruction.words
    )


def _sets(dockerfile: str, name: str) -> bool:
    """Whether an ENV mentions a variable."""
    before = 0
    for instruction in scan(dockerfile).instructions:
        if instruction.keyword == "ENV" and name in dockerfile[before : instruction.end]:
            return True
        before = instruction.end
    return False


def uncached(dockerfile: str, word: str) -> str:
    """The same Dockerfile with an argument in every stage that no earlier build had, so that each RUN runs.

    The engine's `docker_build` has no option for this; an argument is in the environment of every RUN behind it.
    """
    for instruction in reversed(scan(dockerfile).instructions):
        if instruction.keyword == "FROM":
            head, tail = dockerfile[: instruction.end], dockerfile[instruction.end :]
            newline = "" if head.endswith("\n") else "\n"
            dockerfile = f"{head}{newline}ARG {FRESH}={word}\n{tail}"
    return dockerfile


async def build(client: dagger.Client, order: BuildOrder) -> tuple[dagger.Container, Digest]:
    """Build and push one target; raises BuildError with the last lines of the failing instruction."""
    import dagger

    container = image(client, order)
    with explained(f"building {order.target}", hint=order.hint):
        container = await container.sync()
        pushed = await container.publish(
            str(order.destination), media_types=dagger.ImageMediaTypes.OCIMediaTypes
        )
    digest = Reference.parse(pushed).digest
    assert digest, f"the engine published {pushed} without a digest"
    return container, digest


def existing(client: dagger.Client, reference: Reference, platform: Platform) -> dagger.Container:
    """An image that is in the registry already, by digest."""
    import dagger

    return client.container(platform=dagger.Platform(str(platform))).from_(str(reference.by_digest))


def archive(container: dagger.Container) -> dagger.File:
    """The image as a docker archive: what scanners and metadata tests read. Stays in the engine."""
    import dagger

    return container.as_tarball(media_types=dagger.ImageMediaTypes.DockerMediaTypes)
