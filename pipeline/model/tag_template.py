"""Tags made from a commit: `ci-{sha}-{tag}`, `{branch}-{short}`, `pr-{pr}`. Parsed once, then filled."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .reference import valid_tag

FIELDS = ("sha", "short", "branch", "pr", "tag")

_FIELD = re.compile(r"\{([^{}]*)\}")
_ODD = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST = 128


def fitting_tag(text: str, end: str = "") -> str:
    """A tag with an end, at most as long as registries take; what is too long is cut and gets a hash, so that tags
    which differ still do."""
    whole = text + end
    if len(whole) <= _LONGEST:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:12]
    return f"{text[: _LONGEST - len(end) - 13]}-{digest}{end}"


@dataclass(frozen=True, slots=True)
class TagTemplate:
    """A tag with places for the commit (`{sha}`, `{short}`: seven digits), the `{branch}` that was pushed, the number
    of a pull request (`{pr}`) and the image's own `{tag}`."""

    text: str

    @classmethod
    def parse(cls, text: str) -> TagTemplate:
        """Read a template; raises ValueError for unknown fields, or one that would be the same for every commit."""
        fields = _FIELD.findall(text)
        known = ", ".join(f"{{{name}}}" for name in FIELDS)
        for name in fields:
            if name not in FIELDS:
                raise ValueError(f"{{{name[:40]}}} in {text[:80]!r} is not one of {known}")
        if not set(fields) - {"tag"}:
            raise ValueError(f"{text[:80]!r} needs one of {{sha}}, {{short}}, {{branch}}, {{pr}}")
        if not valid_tag(_FIELD.sub("x", text)):
            raise ValueError(f"{text[:80]!r} does not make a tag (letters, digits, '_', '.', '-')")
        return cls(text)

    @property
    def fields(self) -> frozenset[str]:
        """The fields it names."""
        return frozenset(_FIELD.findall(self.text))

    def fill(self, values: Mapping[str, str]) -> str | None:
        """The tag; None where a field has no value. Odd characters become `-`; what is too long ends in a hash."""
        if not all(values.get(name) for name in self.fields):
            return None
        return fitting_tag(
            _FIELD.sub(lambda field: _ODD.sub("-", values[field[1]]), self.text).lstrip(".-") or "x"
        )

    def __str__(self) -> str:
        return self.text


COMMIT_TAGS = (TagTemplate("ci-{sha}-{tag}"),)
"""What a commit's images are tagged where lockage.yml says nothing: a repository holds several tags of an image."""
