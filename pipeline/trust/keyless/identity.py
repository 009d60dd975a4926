"""Verification by identity, in process and without a request: certificate, timestamps, log entry and signature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.model import Digest
from pipeline.model.verification.identity import Identity

from ..bundle import Bundle
from ..statement import PAYLOAD_TYPE, Statement
from .certificate import certified
from .services import Services

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.verify import Verifier


class IdentitySignatory:
    """An identity, and the Sigstore whose certificates are believed."""

    def __init__(self, identity: Identity, services: Services) -> None:
        self.identity, self._services = identity, services

    @property
    def origin(self) -> str:
        """The identity."""
        return str(self.identity)

    @property
    def fingerprint(self) -> Digest:
        """A hash of the identity and of the root that it is verified with."""
        return Digest.of(f"keyless\n{self.identity.to_json()}\n".encode() + self._services.root.raw)

    @property
    def remedy(self) -> str:
        """What to do about an image that this identity did not sign."""
        return (
            "if the one found may sign: --certificate-identity and --certificate-oidc-issuer name one, with -regexp "
            "several; else find out who pushed it"
        )

    def statement(self, raw: bytes, digest: Digest) -> Statement | str:
        """The statement about a digest in a bundle that the identity signed, or why there is none.

        Raises ConfigError for a trusted root that cannot be read.
        """
        from sigstore.models import Bundle as LibraryBundle

        verifier = self._verifier
        try:
            bundle = Bundle.parse_certified(raw)
            statement = bundle.about(digest)
            kind, payload = verifier.verify_dsse(LibraryBundle.from_json(raw), _Policy(self.identity))
        except _NotThem as fault:
            return str(fault)
        except Exception as fault:  # of the library, about what others wrote
            return " ".join(str(fault).split())[:300] or "its certificate cannot be verified"
        if (kind, payload) != (PAYLOAD_TYPE, bundle.payload):
            return "its envelope is read differently by two readers"
        return statement

    @cached_property
    def _verifier(self) -> Verifier:
        from sigstore.verify import Verifier

        return Verifier(trusted_root=self._services.library().trusted_root)


class _NotThem(Exception):
    """A certificate of somebody else."""


@dataclass(frozen=True, slots=True)
class _Policy:
    """The identity as a policy of the library."""

    identity: Identity

    def verify(self, cert: Certificate) -> None:
        unmet = self.identity.unmet(certified(cert))
        if unmet:
            raise _NotThem(unmet)
