"""Templates of tags for a commit: `ci-{sha}-{tag}`, `{branch}-{short}`, `pr-{pr}`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from pipeline.util.dataclass import dataclass

from .reference import valid_tag

PASSED = "ci-passed-"
FIELDS = ("sha", "short", "branch", "pr", "tag")

_FIELD = re.compile(r"\{([^{}]*)\}")
_INVALID = re.compile(r"[^A-Za-z0-9_.-]+")
_MAX_LENGTH = 128


def fitting_tag(text: str, end: str = "") -> str:
    """The tag `text + end`. One that is longer than registries allow is shortened and gets a hash, so that different
    tags stay different."""
    tag = text + end
    if len(tag) <= _MAX_LENGTH:
        return tag
    digest = hashlib.sha256(tag.encode()).hexdigest()[:12]
    return f"{text[: _MAX_LENGTH - len(end) - 13]}-{digest}{end}"


@dataclass(frozen=True, slots=True)
class TagTemplate:
    """A tag with fields for the commit (`{sha}`, `{short}`: seven digits), the pushed `{branch}`, the number of a pull
    request (`{pr}`) and the image's own `{tag}`.

    `branches` are patterns of the branches whose pushes get it, none for all events. One that begins with `ci-passed-`
    is only for images whose tests passed.
    """

    text: str
    branches: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, branches: tuple[str, ...] = ()) -> TagTemplate:
        """Read a template; raises ValueError for unknown fields, or if it gives every commit the same tag."""
        fields = _FIELD.findall(text)
        allowed = ", ".join(f"{{{name}}}" for name in FIELDS)
        for name in fields:
            if name not in FIELDS:
                raise ValueError(f"{{{name[:40]}}} in {text[:80]!r} is not one of {allowed}")
        if not set(fields) - {"tag"}:
            raise ValueError(f"{text[:80]!r} needs one of {{sha}}, {{short}}, {{branch}}, {{pr}}")
        if not valid_tag(_FIELD.sub("x", text)):
            raise ValueError(f"{text[:80]!r} does not make a tag (letters, digits, '_', '.', '-')")
        return cls(text, branches)

    @property
    def is_for_passed(self) -> bool:
        """Whether it says that the tests of an image passed."""
        return self.text.startswith(PASSED)

    def applies(self, branch: str, *, tested: bool) -> bool:
        """Whether a push of this branch (empty for other events) gives the tag to an image that is tested or not."""
        if self.is_for_passed and not tested:
            return False
        return not self.branches or any(fnmatchcase(branch, pattern) for pattern in self.branches)

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it contains."""
        return frozenset(_FIELD.findall(self.text))

    def fill(self, values: Mapping[str, str]) -> str | None:
        """The tag; None if a field has no value. Invalid characters become `-`; too long a tag ends in a hash."""
        if not all(values.get(name) for name in self.fields):
            return None
        return fitting_tag(
            _FIELD.sub(lambda field: _INVALID.sub("-", values[field[1]]), self.text).lstrip(".-") or "x"
        )

    def __str__(self) -> str:
        return self.text


COMMIT_TAGS = (TagTemplate("ci-{sha}-{tag}"),)
"""The default of lockage.yml. It contains `{tag}`, since a repository holds several tags of an image."""
