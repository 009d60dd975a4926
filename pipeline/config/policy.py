"""`policy:` in lockage.yml and `gates:` in image.yml, as written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from pipeline.model import Gates, LintGate, LintLevel
from pipeline.model.gates import PolicyDocuments, TestsGate

from . import shapes
from .base import Model
from .gates.licenses import LicensePolicy
from .gates.secrets import SecretPolicy
from .gates.size import SizePolicy
from .gates.vulnerabilities import Loosened as VulnerabilitiesLoosened
from .gates.vulnerabilities import VulnerabilityPolicy

_RULE = re.compile(r"[A-Z][A-Za-z0-9]{0,63}")


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _rule(text: str) -> str:
    if not _RULE.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is not a rule (such as DL3008, SC2086 or JSONArgsRecommended)")
    return text


LintLevelName = Annotated[LintLevel, BeforeValidator(_lower), WithJsonSchema(dict(shapes.LINT_LEVEL))]
RuleName = Annotated[str, AfterValidator(_rule), WithJsonSchema(dict(shapes.matching(_RULE)))]
Loosened = Literal[VulnerabilitiesLoosened, "secrets", "size", "lint", "licenses", "tests"]


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
    secrets: SecretPolicy | None = Field(
        None, description="fail (default) or warn; or by severity, with allowed paths"
    )
    size: SizePolicy | None = Field(None, description="How large an image may be")
    lint: LintPolicy | None = Field(None, description="What linters may say (default: never closes)")
    licenses: LicensePolicy | None = Field(
        None, description="Which licenses packages may have (default: any)"
    )
    tests: TestsGate | None = Field(None, description="required: an image has a test or a check; optional")

    def over(self, gates: Gates, documents: PolicyDocuments | None = None) -> Gates:
        """The gates with the values of this level instead; ignores are added. `documents` are the files it names."""
        own, vulnerabilities = self.vulnerabilities, gates.vulnerabilities
        if own is not None:
            vulnerabilities = own.over(vulnerabilities, documents or PolicyDocuments())
        secrets = gates.secrets if self.secrets is None else self.secrets.over(gates.secrets)
        size = gates.size if self.size is None else self.size.over(gates.size)
        licenses = gates.licenses if self.licenses is None else self.licenses.over(gates.licenses)
        lint = gates.lint
        if self.lint is not None:
            rules = dict.fromkeys((*lint.ignore, *self.lint.ignore))
            lint = LintGate(self.lint.fail_on or lint.fail_on, tuple(rules))
        return Gates(vulnerabilities, secrets, size, lint, licenses, self.tests or gates.tests)

    def loosened(self, gates: Gates) -> Iterator[tuple[Loosened, tuple[str, ...]]]:
        """What these values open that the gates of the level above close, each with its path below this one."""
        own = self.vulnerabilities
        for name in own.loosened(gates.vulnerabilities) if own else ():
            yield name, ("vulnerabilities", name)
        if self.secrets is not None:
            yield from (("secrets", ("secrets", key)) for key in self.secrets.loosened(gates.secrets))
        if self.size is not None:
            yield from (("size", ("size", key)) for key in self.size.loosened(gates.size))
        if self.licenses is not None:
            yield from (("licenses", ("licenses", key)) for key in self.licenses.loosened(gates.licenses))
        if self.tests == "optional" and gates.tests == "required":
            yield "tests", ("tests",)
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
        "grace, cvss, vex, scanner, secrets, size, lint, licenses, tests (default: nothing; an image may always be "
        "stricter)",
    )
