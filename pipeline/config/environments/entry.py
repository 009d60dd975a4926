"""An entry of `environments:` as it is written."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from pipeline.model import Repository, valid_tag
from pipeline.model.tag_rules import Rebuilt, TagRules
from pipeline.model.verification import Approvals

from .. import shapes
from ..base import Flag, ImageName, Model, Text
from ..verification.rules import SignerEntry, VerifyEntry
from .values import Environment, JudgingData, Visibility


def _image_path(text: str) -> str:
    if text.count("{image}") != 1:
        raise ValueError(f"{text[:80]!r} must hold {{image}} once, such as dev/{{image}}")
    Repository("localhost", text.replace("{image}", "x"))
    return text


def _tag_pattern(text: str) -> str:
    if not valid_tag(text.replace("*", "x")):
        raise ValueError(
            f"{text[:80]!r} is not a pattern of tags (letters, digits, '_', '.', '-', and * for any of them)"
        )
    return text


def other_registry(text: str) -> str:
    """A registry: host[/namespace]. Raises ValueError."""
    host, _, path = text.partition("/")
    Repository(host, f"{path}/x" if path else "x")
    return text


def _shown(schema: shapes.Schema) -> WithJsonSchema:
    return WithJsonSchema(dict(schema))


class ApprovalsEntry(Model):
    """So many of these have to approve the plan of a change."""

    required: Annotated[int, Field(ge=1, le=100)] = Field(1, description="How many of them (default 1)")
    signers: tuple[SignerEntry, ...] = Field(
        alias="from", min_length=1, description="Who may approve: a key, or an identity with its issuer, each"
    )

    @model_validator(mode="after")
    def _enough(self) -> Self:
        signers = self.value().signers
        several = any(s.identity and (s.identity.subject.regexp or s.identity.issuer.regexp) for s in signers)
        if len(signers) < self.required and not several:
            raise ValueError(f"{self.required} have to approve, and from: names {len(signers)}")
        return self

    def value(self) -> Approvals:
        """As the program uses it."""
        return Approvals(self.required, tuple(dict.fromkeys(signer.value() for signer in self.signers)))


class EnvironmentEntry(Model):
    """A place that images are promoted to, in order: the repository of each image in it."""

    name: ImageName = Field(description="As --to and --from say it")
    repository: Annotated[Text, AfterValidator(_image_path), _shown(shapes.REPOSITORY_OF_IMAGE)] = Field(
        description="Below the registry; {image} stands for the image's name, such as dev/{image}"
    )
    registry: Annotated[Text, AfterValidator(other_registry), _shown(shapes.REGISTRY)] | None = Field(
        None,
        description="host[/namespace] of another registry than the project's, such as docker.io/acme; not for the "
        "first environment",
    )
    data: JudgingData = Field(
        "today",
        description="What judges a promotion to it: today (default) scans again what newer vulnerability data is there "
        "for, signed takes the signed findings as they are",
    )
    promote: Literal["automatic", "by-name"] = Field(
        "by-name",
        description="automatic: every run promotes to it; by-name (default): only --to NAME does; not for the first, "
        "which gets every push",
    )
    immutable: tuple[Annotated[Text, AfterValidator(_tag_pattern), _shown(shapes.TAG_PATTERN)], ...] = Field(
        (), description="Tags that are written once and never moved: patterns, with * for any characters"
    )
    rebuilt: Rebuilt = Field(
        "move",
        description="A version that was built again: move its tag (default), refuse it, or write a revision such as "
        "3.11.2-r2 beside it",
    )
    verify: VerifyEntry | None = Field(
        None,
        description="What an image has to prove before it is promoted there, and to lockage verify --env",
    )

    approvals: ApprovalsEntry | None = Field(
        None,
        description="Who has to approve the plan of a change before lockage apply makes it; no other command changes "
        "its tags then",
    )

    attest: Flag = Field(
        False,
        description="Attach a signed statement to each digest that gets tags there: which, from what, by whom and why",
    )

    visibility: Visibility | None = Field(
        None,
        description="Who may pull from its repositories: public (everybody) or private; compared after promotions, and "
        "set by lockage visibility --apply where the registry has an API for it",
    )

    @model_validator(mode="after")
    def _by_name(self) -> Self:
        if self.approvals and self.promote == "automatic":
            raise ValueError("promote: automatic leaves nobody the time for approvals: leave out one of them")
        return self

    def value(self) -> Environment:
        """As the program uses it."""
        rules = TagRules(tuple(dict.fromkeys(self.immutable)), self.rebuilt)
        verify = None if self.verify is None else self.verify.value()
        automatic = self.promote == "automatic"
        approvals = self.approvals.value() if self.approvals else None
        return Environment(
            self.name,
            self.repository,
            self.data,
            automatic,
            rules,
            verify,
            self.registry,
            approvals,
            self.attest,
            self.visibility,
        )
