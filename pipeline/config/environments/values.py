"""An environment as a plain frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, Self

from pipeline.model.tag_rules import TagRules
from pipeline.model.verification import Approvals, VerificationRules
from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_literal, as_object, as_optional_text, as_text, as_texts

JudgingData = Literal["today", "signed"]
Visibility = Literal["public", "private"]

_NO_RULES = TagRules()
SECONDARY = "@"
"""Between the names of an environment and of a secondary registry; no environment's name has one."""


def base_of(name: str) -> str:
    """The name of an environment without that of a secondary registry."""
    return name.partition(SECONDARY)[0]


@dataclass(frozen=True, slots=True)
class Environment:
    """One stage of promotion, with the repository of each image in it.

    `data` is what judges a promotion to it: scans with today's data, or the signed findings as they are. With
    `automatic`, a run promotes to it by itself. `verify` is what an image has to prove before it is.
    `registry` is where it is, if not in the project's. `approvals` are what a change of its tags needs.
    With `attest`, each digest that gets tags there bears a statement that says so. `visibility` is who should be able
    to pull from its repositories: everybody, or whom the registry knows; None where that does not matter.
    """

    name: str
    repository: str
    data: JudgingData = "today"
    automatic: bool = False
    tags: TagRules = _NO_RULES
    verify: VerificationRules | None = None
    registry: str | None = None
    approvals: Approvals | None = None
    attest: bool = False
    visibility: Visibility | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        return cls(
            as_text(data["name"]),
            as_text(data["repository"]),
            as_literal(data.get("data", "today"), "today", "signed"),
            data.get("promote") == "automatic",
            TagRules(
                as_texts(data.get("immutable", [])),
                as_literal(data.get("rebuilt", "move"), "move", "refuse", "revision"),
            ),
            VerificationRules.from_json(as_object(data["verify"])) if "verify" in data else None,
            as_optional_text(data.get("registry")),
            Approvals.from_json(as_object(data["approvals"])) if "approvals" in data else None,
            data.get("attest") is True,
            _visibility(data.get("visibility")),
        )

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        return {
            "name": self.name,
            "repository": self.repository,
            **({} if self.data == "today" else {"data": self.data}),
            **({"promote": "automatic"} if self.automatic else {}),
            **({"immutable": list(self.tags.immutable)} if self.tags.immutable else {}),
            **({} if self.tags.rebuilt == "move" else {"rebuilt": self.tags.rebuilt}),
            **({} if self.verify is None else {"verify": self.verify.to_json()}),
            **({} if self.registry is None else {"registry": self.registry}),
            **({} if self.approvals is None else {"approvals": self.approvals.to_json()}),
            **({"attest": True} if self.attest else {}),
            **({} if self.visibility is None else {"visibility": self.visibility}),
        }

    @property
    def rules_name(self) -> str:
        """What messages call its rules."""
        return f"verify: of {self.name} in lockage.yml"

    def path(self, image: str) -> str:
        """The repository path of an image in this environment."""
        return self.repository.replace("{image}", image)

    @property
    def base(self) -> str:
        """Its name without that of a secondary registry."""
        return base_of(self.name)

    def at(self, registry: str) -> Environment:
        """The same in a secondary registry: its tags follow, by no rules of their own."""
        return replace(
            self,
            name=f"{self.name}{SECONDARY}{registry}",
            registry=registry,
            automatic=False,
            tags=_NO_RULES,
            verify=None,
            approvals=None,
        )


@dataclass(frozen=True, slots=True)
class Secondary:
    """A registry that these environments are kept level in; with `retention`, what is deleted there is deleted here."""

    registry: str
    environments: tuple[str, ...]
    retention: bool = True

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        retention = data.get("retention") is not False
        return cls(as_text(data["registry"]), as_texts(data["environments"]), retention)

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        return {
            "registry": self.registry,
            "environments": list(self.environments),
            **({} if self.retention else {"retention": False}),
        }


def _visibility(value: object) -> Visibility | None:
    if value is None:
        return None
    return "public" if as_literal(value, "public", "private") == "public" else "private"
