"""Verification by identity, in process and without a request: certificate, timestamps, log entry and signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipeline.model import Digest
from pipeline.model.verification.identity import Certified, Identity
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact

from ..bundle import Bundle
from ..statement import PAYLOAD_TYPE, Statement
from .certificate import certified
from .services import Services
from .validity import Moments, root_at

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.models import Bundle as LibraryBundle
    from sigstore.verify import Verifier


class IdentitySignatory:
    """An identity, and the Sigstore whose certificates are believed."""

    def __init__(self, identity: Identity, services: Services) -> None:
        self.identity, self._services = identity, services
        self._verifiers: dict[bytes, Verifier] = {}

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

        root = self._root
        try:
            bundle = Bundle.parse_certified(raw)
            statement = bundle.about(digest)
            read = LibraryBundle.from_json(raw)
            verifier = self._verifier(root_at(root, _moments(read, bundle.logged)))
            kind, payload = verifier.verify_dsse(read, _Policy(self.identity))
        except _NotThem as fault:
            return str(fault)
        except Exception as fault:  # of the library, about what others wrote
            return " ".join(str(fault).split())[:300] or "its certificate cannot be verified"
        if (kind, payload) != (PAYLOAD_TYPE, bundle.payload):
            return "its envelope is read differently by two readers"
        return statement

    @cached_property
    def _root(self) -> Mapping[str, Any]:
        return self._services.trusted_root()

    def _verifier(self, root: Mapping[str, Any]) -> Verifier:
        from sigstore.verify import Verifier

        key = compact(root)
        if key not in self._verifiers:
            self._verifiers[key] = Verifier(trusted_root=self._services.library(root).trusted_root)
        return self._verifiers[key]


def _moments(bundle: LibraryBundle, logged: Sequence[int]) -> Moments:
    stamps = bundle.verification_material.timestamp_verification_data
    taken = tuple(datetime.fromtimestamp(seconds, UTC) for seconds in logged)
    signed = tuple(stamp.tst_info.gen_time for stamp in stamps.rfc3161_timestamps) if stamps else ()
    return Moments((*signed, *taken), _certificate_logged(bundle.signing_certificate), taken)


def _certificate_logged(certificate: Certificate) -> tuple[datetime, ...]:
    from cryptography.x509 import ExtensionNotFound, PrecertificateSignedCertificateTimestamps

    try:
        extension = certificate.extensions.get_extension_for_class(PrecertificateSignedCertificateTimestamps)
    except ExtensionNotFound:
        return ()
    return tuple(sct.timestamp.replace(tzinfo=UTC) for sct in extension.value)


def certified_in(raw: bytes) -> Certified:
    """What the certificate in a bundle says, which `statement` has verified. Raises ValueError."""
    from sigstore.models import Bundle as LibraryBundle

    return certified(LibraryBundle.from_json(raw).signing_certificate)


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
