"""What a certificate of Fulcio says of its owner (fulcio, docs/oid-info.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model.verification.identity import Certified

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_ISSUER, _ISSUER_OLD = "1.3.6.1.4.1.57264.1.8", "1.3.6.1.4.1.57264.1.1"
_NAME = "1.3.6.1.4.1.57264.1.7"
_UTF8_STRING = 0x0C


def certified(certificate: Certificate) -> Certified:
    """The subject and the issuer in a certificate. Raises ValueError unless there is one of each."""
    return Certified(_subject(certificate), _issuer(certificate))


def _subject(certificate: Certificate) -> str:
    from cryptography.x509 import (
        ExtensionNotFound,
        OtherName,
        RFC822Name,
        SubjectAlternativeName,
        UniformResourceIdentifier,
    )

    try:
        names = list(certificate.extensions.get_extension_for_class(SubjectAlternativeName).value)
    except ExtensionNotFound:
        names = []
    if len(names) != 1:
        raise ValueError(f"its certificate has {len(names)} subjects, where there is to be one")
    match names[0]:
        case UniformResourceIdentifier(value=value) | RFC822Name(value=value):
            return str(value)
        case OtherName(type_id=kind, value=value) if kind.dotted_string == _NAME:
            return _utf8(value)
        case _:
            raise ValueError("its certificate's subject is neither an address nor an e-mail address")


def _issuer(certificate: Certificate) -> str:
    from cryptography.x509 import UnrecognizedExtension

    values = {
        extension.oid.dotted_string: extension.value.value
        for extension in certificate.extensions
        if isinstance(extension.value, UnrecognizedExtension)
    }
    issuers = {_utf8(values[_ISSUER])} if _ISSUER in values else set()
    if _ISSUER_OLD in values:
        issuers.add(_text(values[_ISSUER_OLD]))
    if len(issuers) != 1:
        raise ValueError(
            f"its certificate names {len(issuers)} issuers of its identity, where there is to be one"
        )
    return issuers.pop()


def _utf8(raw: bytes) -> str:
    """A UTF8String in DER."""
    if len(raw) < 2 or raw[0] != _UTF8_STRING:
        raise ValueError("a text of its certificate is not a UTF8String")
    size, start = raw[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(raw[2:start], "big")
    if start + size != len(raw):
        raise ValueError("a text of its certificate has a wrong length")
    return _text(raw[start:])


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ValueError("a text of its certificate is not UTF-8") from None
