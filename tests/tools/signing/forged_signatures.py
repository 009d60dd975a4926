"""Keyless signatures that no honest service makes, for anybody and any time.

The certificates are the true authority's; timestamps and entries in the log are true as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from sigstore import dsse
from sigstore.models import SigningConfig, TrustedRoot
from sigstore.sign import Signer, SigningContext

from pipeline.trust import Statement

from .authorities import key_usage
from .ct_log import CtLog, der
from .sigstore_services import Sigstore

_SCTS = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_ISSUER = ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Certificate:
    """What a forged certificate says; it is valid from `since`, counted from now, for an hour."""

    subjects: tuple[x509.GeneralName, ...]
    issuer: str | None
    since: timedelta = field(default=timedelta(minutes=-1))
    usage: ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING
    ct_log: CtLog | None = None
    authority: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None

    def issue(self, services: Sigstore, key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        """The certificate for a key; its timestamp is of `ct_log`, none without one."""
        authority, ca_key = self.authority or services.authority
        since = datetime.now(UTC).replace(microsecond=0) + self.since
        builder = (
            x509.CertificateBuilder(authority.subject, x509.Name([]), key, x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(since + HOUR)
            .add_extension(key_usage(certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([self.usage]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),  # type: ignore[arg-type]
                critical=False,
            )
        )
        if self.subjects:
            builder = builder.add_extension(x509.SubjectAlternativeName(self.subjects), critical=True)
        if self.issuer is not None:
            value = der(0x0C, self.issuer.encode())
            builder = builder.add_extension(x509.UnrecognizedExtension(_ISSUER, value), critical=False)
        if self.ct_log is not None:
            tbs = builder.sign(ca_key, hashes.SHA256()).tbs_certificate_bytes
            value = self.ct_log.extension(tbs, authority)
            builder = builder.add_extension(x509.UnrecognizedExtension(_SCTS, value), critical=False)
        return builder.sign(ca_key, hashes.SHA256())


class _Forger(Signer):
    def __init__(self, services: Sigstore, certificate: Certificate) -> None:
        config = SigningConfig.from_file(str(services.signing_config))
        self._signing_ctx = SigningContext(
            fulcio=config.get_fulcio(),
            rekor=config.get_tlogs()[0],
            trusted_root=TrustedRoot.from_file(str(services.trusted_root)),
            tsa_clients=config.get_tsas(),
        )
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = certificate.issue(services, self._key.public_key())

    @property
    def _private_key(self) -> ec.EllipticCurvePrivateKey:
        return self._key

    def _signing_cert(self) -> x509.Certificate:
        return self._certificate


class _Payload(dsse.Statement):
    def __init__(self, contents: bytes) -> None:
        self._contents = contents


def forged(services: Sigstore, certificate: Certificate, statement: Statement) -> dict[str, Any]:
    """A bundle with the certificate, timestamped and logged as any other."""
    bundle = _Forger(services, certificate).sign_dsse(_Payload(statement.to_json()))
    return json.loads(bundle.to_json())
