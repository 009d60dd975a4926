"""`policy:` in lockage.yml and `gates:` in image.yml, as written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from pipeline.model import Gates, LintGate, LintLevel, SizeGate
from pipeline.model.vulnerability_gate import FailOrWarn, PolicyDocuments

from . import shapes
from .base import Model
from .policy_vulnerabilities import Loosened as VulnerabilitiesLoosened
from .policy_vulnerabilities import VulnerabilityPolicy

_RULE = re.compile(r"[A-Z][A-Za-z0-9]{0,63}")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)?")
_UNITS = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_MAX_SIZE = 2**62


def _size(value: object) -> object:
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        if not match:
            raise ValueError(f"{value[:40]!r} is not a size (such as 300MB or 250MiB)")
        size = float(match[1]) * _UNITS[match[2] or "B"]
        if size > _MAX_SIZE:
            raise ValueError(f"{value[:40]!r} is larger than {_MAX_SIZE // 2**60} EiB")
        return int(size)
    return value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _rule(text: str) -> str:
    if not _RULE.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is not a rule (such as DL3008, SC2086 or JSONArgsRecommended)")
    return text


Size = Annotated[int, BeforeValidator(_size), Field(gt=0), WithJsonSchema(dict(shapes.SIZE))]
LintLevelName = Annotated[LintLevel, BeforeValidator(_lower), WithJsonSchema(dict(shapes.LINT_LEVEL))]
RuleName = Annotated[str, AfterValidator(_rule), WithJsonSchema(dict(shapes.matching(_RULE)))]


Loosened = Literal[VulnerabilitiesLoosened, "secrets", "size", "lint"]


class SizePolicy(Model):
    """Budget for the compressed layers of one platform."""

    max: Size | None = Field(None, description="Such as 300MB or 250MiB")


class LintPolicy(Model):
    """What linters (hadolint, BuildKit's build checks) may say of a Dockerfile."""

    fail_on: LintLevelName | None = Field(
        None, description="Closes the gate at this level and above: error, warning, info or style"
    )
    ignore: tuple[RuleName, ...] = Field(
        (), description="Rules, such as DL3008; added to those of the project"
    )


class GatePolicy(Model):
    """Gates, where they differ from the level above: the project from the defaults, an image from the project."""

    vulnerabilities: VulnerabilityPolicy | None = Field(None, description="What the scanner may find")
    secrets: FailOrWarn | None = Field(None, description="fail (default) or warn")
    size: SizePolicy | None = Field(None, description="How large an image may be")
    lint: LintPolicy | None = Field(None, description="What linters may say (default: never closes)")

    def over(self, gates: Gates, documents: PolicyDocuments | None = None) -> Gates:
        """The gates with the values of this level instead; ignores are added. `documents` are the files it names."""
        own = self.vulnerabilities
        vulnerabilities = (
            gates.vulnerabilities
            if own is None
            else own.over(gates.vulnerabilities, documents or PolicyDocuments())
        )
        size = gates.size if self.size is None else SizeGate(self.size.max)
        lint = gates.lint
        if self.lint is not None:
            rules = dict.fromkeys((*lint.ignore, *self.lint.ignore))
            lint = LintGate(self.lint.fail_on or lint.fail_on, tuple(rules))
        return Gates(vulnerabilities, self.secrets or gates.secrets, size, lint)

    def loosened(self, gates: Gates) -> Iterator[tuple[Loosened, tuple[str, ...]]]:
        """What these values open that the gates of the level above close, each with its path below this one."""
        own = self.vulnerabilities
        for name in own.loosened(gates.vulnerabilities) if own else ():
            yield name, ("vulnerabilities", name)
        if self.secrets == "warn" and gates.secrets == "fail":
            yield "secrets", ("secrets",)
        limit = gates.size.max
        if self.size is not None and limit is not None and (self.size.max is None or self.size.max > limit):
            yield "size", ("size", "max")
        if self.lint is not None and gates.lint.fail_on is not None:
            yield from self._loosened_lint(self.lint, gates.lint.fail_on)

    @staticmethod
    def _loosened_lint(own: LintPolicy, level: LintLevel) -> Iterator[tuple[Loosened, tuple[str, ...]]]:
        if own.fail_on is not None and own.fail_on.rank > level.rank:
            yield "lint", ("lint", "fail_on")
        if own.ignore:
            yield "lint", ("lint", "ignore")


class ProjectPolicy(GatePolicy):
    """The project's gates, and what images may take back of them."""

    loosen: tuple[Loosened, ...] = Field(
        (),
        description="What gates: of an image may loosen: fail_on, unfixed, ignore, max_age, stale, unexamined, "
        "grace, cvss, vex, secrets, size, lint (default: nothing; an image may always be stricter)",
    )
