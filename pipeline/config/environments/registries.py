"""`registries:` of lockage.yml as it is written: registries beside the project's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from .. import shapes
from ..base import Flag, ImageName, Mistake, Model, Text
from .entry import EnvironmentEntry, other_registry
from .values import Secondary

_Registry = Annotated[Text, AfterValidator(other_registry), WithJsonSchema(dict(shapes.REGISTRY))]


class SecondaryEntry(Model):
    """A registry that is kept level with environments."""

    registry: _Registry = Field(description="host[/namespace], such as docker.io/acme")
    environments: tuple[ImageName, ...] = Field(
        (), description="Which environments it gets (default: all in the project's registry)"
    )

    retention: Flag = Field(
        True,
        description="Whether lockage retention deletes there what it deletes in the environment (default true)",
    )

    def value(self, environments: Sequence[EnvironmentEntry]) -> Secondary:
        """As the program uses it."""
        named = tuple(dict.fromkeys(self.environments))
        every = tuple(e.name for e in environments if e.registry is None)
        return Secondary(self.registry, named or every, self.retention)


class RegistriesEntry(Model):
    """Registries beside the project's own."""

    secondaries: tuple[SecondaryEntry, ...] = Field(
        (), description="Registries that get what environments get: images, all that is attached, tags last"
    )

    fallback: tuple[_Registry, ...] = Field(
        (),
        description="Registries to read from, in order, where the project's own cannot be reached or has lost an image",
    )

    def check(self, registry: str, environments: Sequence[EnvironmentEntry]) -> None:
        """Raises Mistake for environments that there are not, and for two that would be in one place."""
        names = [environment.name for environment in environments]
        places = {(e.registry or registry, e.repository): e.name for e in environments}
        for number, secondary in enumerate(self.secondaries):
            at = ("registries", "secondaries", number)
            for position, name in enumerate(secondary.environments):
                if name not in names:
                    raise Mistake(
                        f"registries: names the environment {name}, and there are {', '.join(names)}",
                        (*at, "environments", position),
                    )
            for place, name in self._places(secondary, environments):
                if place in places:
                    raise Mistake(
                        f"{name} at {secondary.registry} would be where {places[place]} is: {'/'.join(place)}",
                        (*at, "registry"),
                    )
                places[place] = f"{name} at {secondary.registry}"

    @staticmethod
    def _places(
        secondary: SecondaryEntry, environments: Sequence[EnvironmentEntry]
    ) -> Iterator[tuple[tuple[str, str], str]]:
        by_name = {environment.name: environment for environment in environments}
        for name in secondary.value(environments).environments:
            yield (secondary.registry, by_name[name].repository), name
