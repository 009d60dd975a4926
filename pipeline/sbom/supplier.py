"""Who supplies a package, as the package itself says it; nobody where it says nothing."""

from __future__ import annotations

import re

from pipeline.util.dataclass import dataclass

_CONTACT = re.compile(r"^([^<]*?)\s*<\s*([^<>\s]+@[^<>\s]+)\s*>")
_SPDX = re.compile(r"^(?:Person|Organization):\s*(.*?)\s*(?:\(([^()]*)\))?$", re.DOTALL)
_HIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff]+")
_GROUP = re.compile(
    r"\b(team|group|maintainers?|developers?|packagers?|authors|contributors|project|foundation|consortium|community|"
    r"authority|inc|ltd|llc|gmbh|corp|corporation|company|organi[sz]ation|software|systems|university|institute)\b",
    re.IGNORECASE,
)
_MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Supplier:
    """A person or an organization. The name is as the package has it; that it is a group's, its words say."""

    name: str
    email: str = ""
    organization: bool = False

    @classmethod
    def parse(cls, text: str, *, organization: bool = False) -> Supplier | None:
        """Read `Name <email>`, the name alone, or SPDX's `Person: Name (email)`; None without a name."""
        text = _HIDDEN.sub(" ", text).strip()
        if text in ("", "NOASSERTION", "NONE"):
            return None
        if match := _SPDX.match(text):
            organization = organization or text.startswith("Organization")
            name, email = match[1], match[2] or ""
        elif match := _CONTACT.match(text):
            name, email = match[1], match[2]
        else:
            name, email = text, ""
        name = re.sub(r"[()<>]", "", name).strip(' ",')[:_MAX_NAME].rstrip() or email
        if not name:
            return None
        return cls(name, email if "@" in email else "", organization or bool(_GROUP.search(name)))

    @property
    def spdx(self) -> str:
        """As SPDX 2.3 has it (7.5)."""
        kind = "Organization" if self.organization else "Person"
        return f"{kind}: {self.name} ({self.email})" if self.email else f"{kind}: {self.name}"

    @property
    def cyclonedx(self) -> dict[str, object]:
        """As CycloneDX 1.6 has it (organizationalEntity)."""
        contact = {"contact": [{"name": self.name, "email": self.email}]} if self.email else {}
        return {"name": self.name, **contact}
