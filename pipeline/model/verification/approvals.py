"""Who has to approve the plan of a change before it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_integer, as_list, as_object

from .signer import AcceptedSigner


@dataclass(frozen=True, slots=True)
class Approvals:
    """So many different ones of these signers have to approve."""

    required: int
    signers: tuple[AcceptedSigner, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """The files of keys and trusted roots, as the signers name them."""
        named = (path for signer in self.signers for path in (signer.key, signer.trusted_root) if path)
        return tuple(dict.fromkeys(named))

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        return {"required": self.required, "from": [signer.to_json() for signer in self.signers]}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        signers = (AcceptedSigner.from_json(as_object(signer)) for signer in as_list(data["from"]))
        return cls(as_integer(data["required"]), tuple(signers))
