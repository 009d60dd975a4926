"""DSSE envelopes around in-toto statements, signed and verified in this process (DSSE v1, envelope.md)."""

from __future__ import annotations

import base64
import binascii

from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact
from pipeline.util.json.values import as_list, as_object, as_text, parse_json

from .limits import ENVELOPE_BYTES
from .private_key import PrivateKey
from .public_key import PublicKey
from .statement import PAYLOAD_TYPE, pre_authentication_encoding


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload with one signature; `key_id` is what the signature says of its key, empty for nothing."""

    payload: bytes
    signature: bytes
    key_id: str = ""

    @classmethod
    def sign(cls, payload: bytes, key: PrivateKey, key_id: str) -> Envelope:
        """Sign an in-toto statement. Raises UsageError for a key that cannot sign."""
        return cls(payload, key.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload)), key_id)

    @classmethod
    def parse(cls, text: str) -> Envelope:
        """Read an envelope of an in-toto statement; raises ValueError for anything else. Nothing is verified."""
        if len(text) > ENVELOPE_BYTES:
            raise ValueError(f"an envelope of more than {ENVELOPE_BYTES} bytes")
        data = as_object(parse_json(text.encode(), strict=True))
        try:
            if data["payloadType"] != PAYLOAD_TYPE:
                raise ValueError(f"payload type {data['payloadType']!r} is not in-toto")
            (signature,) = map(as_object, as_list(data["signatures"]))
            payload, value = as_text(data["payload"]), as_text(signature["sig"])
            return cls(_decoded(payload), _decoded(value), as_text(signature.get("keyid", "")))
        except KeyError as fault:
            raise ValueError(f"an envelope without {fault}") from None

    def to_json(self) -> str:
        """The envelope as text; equal envelopes give equal texts."""
        signature = {"sig": _encoded(self.signature)} | ({"keyid": self.key_id} if self.key_id else {})
        data = {"payloadType": PAYLOAD_TYPE, "payload": _encoded(self.payload), "signatures": [signature]}
        return compact(data).decode()

    def signed_by(self, key: PublicKey) -> bool:
        """Whether the signature is by this key."""
        return key.signed_payload(self.payload, self.signature, self.key_id)


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as fault:
        raise ValueError(f"not base64: {fault}") from None
