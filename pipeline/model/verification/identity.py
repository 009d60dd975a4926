"""Who a keyless signature has to be by: a certificate's subject and the issuer of the token behind it.

Each is an exact text or a regular expression, as cosign's `--certificate-identity` and `--certificate-oidc-issuer`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Self

from pipeline.util.dataclass import dataclass

# Where Python goes beyond RE2, with which cosign reads the same expression.
_NOT_RE2 = re.compile(r"(?:[^\\]|\A)(?:\\\\)*(?:\(\?(?:[=!>(#]|<[=!]|P[=>])|\\[1-9])|[*+?}]\+")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text to equal, or with `regexp` an expression that the whole text matches."""

    text: str
    regexp: bool = False

    def __post_init__(self) -> None:
        if not self.text:
            raise ValueError("is empty, and would say nothing")
        if self.regexp:
            _check(self.text)

    def matches(self, text: str) -> bool:
        """Whether a text is as wanted."""
        if not self.regexp:
            return text == self.text
        return re.compile(self.text, re.ASCII).fullmatch(text) is not None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Certified:
    """What a certificate says: its subject (an address of a workflow, or an e-mail address), and the token's issuer."""

    subject: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose signatures are accepted."""

    subject: Pattern
    issuer: Pattern

    def unmet(self, certified: Certified) -> str | None:
        """Which rule a certificate does not meet, and what was found; None if it meets both."""
        if not self.issuer.matches(certified.issuer):
            return f"its identity was issued by {certified.issuer}, not by {self.issuer}"
        if not self.subject.matches(certified.subject):
            verb = "does not match" if self.subject.regexp else "is not"
            return f"its certificate is for {certified.subject}, which {verb} {self.subject}"
        return None

    def __str__(self) -> str:
        return f"{self.subject} (issuer {self.issuer})"

    def to_json(self) -> dict[str, str]:
        """As lockage.yml writes it."""
        return {
            _key("identity", self.subject): self.subject.text,
            _key("issuer", self.issuer): self.issuer.text,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError."""
        return cls(_pattern(data, "identity"), _pattern(data, "issuer"))


def _key(name: str, pattern: Pattern) -> str:
    return f"{name}_regexp" if pattern.regexp else name


def _pattern(data: Mapping[str, object], name: str) -> Pattern:
    exact, regexp = data.get(name), data.get(f"{name}_regexp")
    if isinstance(exact, str) and regexp is None:
        return Pattern(exact)
    if isinstance(regexp, str) and exact is None:
        return Pattern(regexp, regexp=True)
    raise ValueError(f"exactly one of {name} and {name}_regexp is expected")


def _check(text: str) -> None:
    try:
        re.compile(text, re.ASCII)
    except (re.error, RecursionError, OverflowError) as fault:
        raise ValueError(f"{text[:80]!r} is not a regular expression: {fault}") from None
    if _NOT_RE2.search(text):
        raise ValueError(
            f"{text[:80]!r} uses what cosign's expressions (RE2) lack: lookaround or a backreference"
        )
    if not (text.startswith("^") and text.endswith("$") and not text.endswith("\\$")):
        raise ValueError(
            f"{text[:80]!r} is not anchored and would match anybody who puts it somewhere into a name: write ^…$"
        )
