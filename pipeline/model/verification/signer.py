"""Who may have signed: the holder of a key, or an identity that an OpenID Connect issuer vouched for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_object, as_optional_text

from .identity import Identity


@dataclass(frozen=True, slots=True)
class AcceptedSigner:
    """Either a file with a public key, or an identity.

    `trusted_root` is the file of the Sigstore that certifies the identity, None for the public one.
    """

    key: str | None = None
    identity: Identity | None = None
    trusted_root: str | None = None

    def __str__(self) -> str:
        return str(self.identity or self.key)

    def to_json(self) -> dict[str, object]:
        """The signer as data."""
        if self.identity is None:
            return {"key": self.key}
        root = {"trusted_root": self.trusted_root} if self.trusted_root else {}
        return {"identity": self.identity.to_json(), **root}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError."""
        identity = data.get("identity")
        return cls(
            as_optional_text(data.get("key")),
            Identity.from_json(as_object(identity)) if identity else None,
            as_optional_text(data.get("trusted_root")),
        )
