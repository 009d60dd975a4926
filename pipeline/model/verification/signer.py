"""Who may have signed: the holder of a key, or an identity that an OpenID Connect issuer vouched for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pipeline.util.json.values import as_flag, as_optional_text


@dataclass(frozen=True, slots=True)
class AcceptedSigner:
    """Either a file with a public key, or an identity and its issuer.

    `identity` and `issuer` are exact, or regular expressions that have to match all of the text where `regexp` says so.
    """

    key: str | None = None
    identity: str | None = None
    issuer: str | None = None
    identity_is_regexp: bool = False
    issuer_is_regexp: bool = False

    def __str__(self) -> str:
        if self.key is not None:
            return self.key
        identity = f"matching {self.identity}" if self.identity_is_regexp else self.identity
        issuer = f"matching {self.issuer}" if self.issuer_is_regexp else self.issuer
        return f"{identity}, issuer {issuer}"

    def to_json(self) -> dict[str, object]:
        """The signer as data."""
        if self.key is not None:
            return {"key": self.key}
        return {
            "identity": self.identity,
            "issuer": self.issuer,
            "identity_is_regexp": self.identity_is_regexp,
            "issuer_is_regexp": self.issuer_is_regexp,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError."""
        return cls(
            as_optional_text(data.get("key")),
            as_optional_text(data.get("identity")),
            as_optional_text(data.get("issuer")),
            as_flag(data.get("identity_is_regexp", False)),
            as_flag(data.get("issuer_is_regexp", False)),
        )
