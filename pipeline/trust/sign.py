"""Bundles of statements signed by a key, as `cosign sign` and `cosign attest` with a key write them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from pipeline.util.json.canonical import compact

from .bundle import BUNDLE_TYPE
from .statement import PAYLOAD_TYPE, Statement, pre_authentication_encoding

if TYPE_CHECKING:
    from .private_key import PrivateKey
    from .public_key import PublicKey


def signed_bundle(statement: Statement, private: PrivateKey, public: PublicKey) -> bytes:
    """A Sigstore bundle v0.3 with the statement in a DSSE envelope; no transparency log, no timestamp.

    Raises UsageError for a key that cannot sign, or that is not the other half of `public`.
    """
    payload = statement.to_json()
    signature = private.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
    return compact(
        {
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": {"publicKey": {"hint": _base64(bytes.fromhex(public.fingerprint.hex))}},
            "dsseEnvelope": {
                "payload": _base64(payload),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": _base64(signature)}],
            },
        }
    )


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
