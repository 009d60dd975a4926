"""Keyless signing as a plain frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pipeline.model.verification.identity import Identity
from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_object, as_optional_text

from ..builder import SecretSource


@dataclass(frozen=True, slots=True)
class KmsKey:
    """Images are signed with a key of a key management service, by a reference as cosign takes it; `public_key` is a
    file below lockage.yml."""

    reference: str
    public_key: str


@dataclass(frozen=True, slots=True)
class Keyless:
    """Images are signed and verified by an identity.

    `token` is where the identity token is, None for the CI's own. `signing_config` and `trusted_root` are files below
    lockage.yml with the addresses and the roots of a Sigstore; None for the public one.
    """

    identity: Identity
    token: SecretSource | None = None
    signing_config: str | None = None
    trusted_root: str | None = None

    def to_json(self) -> dict[str, object]:
        """As lockage.yml writes it."""
        data: dict[str, object] = dict(self.identity.to_json())
        data |= {"token": self.token.to_json()} if self.token else {}
        data |= {"signing_config": self.signing_config} if self.signing_config else {}
        return data | ({"trusted_root": self.trusted_root} if self.trusted_root else {})

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError."""
        return cls(
            Identity.from_json(data),
            SecretSource.from_json(as_object(data["token"])) if "token" in data else None,
            as_optional_text(data.get("signing_config")),
            as_optional_text(data.get("trusted_root")),
        )
