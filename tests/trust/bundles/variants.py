"""Variants of one true bundle, each with one change, and what cosign says of it."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import replace

from tests.tools.signing.bundles import BUNDLE, b64, bundle_of

from .edits import (
    FINGERPRINT,
    HINT,
    NESTED,
    OTHER,
    PREFIX,
    SIG,
    STATEMENT,
    SUBJECT,
    TRUE,
    URL_SAFE,
    P,
    S,
    Variant,
    edited,
    envelope,
    log_entry,
    logged,
    material,
    media_type,
    payload,
    raw_statement,
    signing,
    subject,
    text,
)


def _variants() -> Iterator[tuple[str, bytes | Variant]]:
    yield "as it is", json.dumps(bundle_of(TRUE, SIG)).encode()
    yield "indented", json.dumps(bundle_of(TRUE, SIG), indent=2).encode()
    yield "space around", b" \r\n\t" + json.dumps(bundle_of(TRUE, SIG)).encode() + b"\n"
    yield "another key", envelope(signatures=[{"sig": b64(OTHER)}])
    yield "another statement", envelope(payload=b64(payload(predicate={"a": 1})))
    # signatures
    yield "two signatures", envelope(signatures=[{"sig": S}, {"sig": S}])
    yield "a good one after a bad one", envelope(signatures=[{"sig": b64(OTHER)}, {"sig": S}])
    yield "no signature", envelope(signatures=[])
    yield "signatures null", envelope(signatures=None)
    yield "signatures an object", envelope(signatures={"sig": S})
    yield "a null signature", envelope(signatures=[None])
    yield "an empty signature", envelope(signatures=[{}])
    yield "sig null", envelope(signatures=[{"sig": None}])
    yield "sig empty", envelope(signatures=[{"sig": ""}])
    yield "keyid of another", envelope(signatures=[{"sig": S, "keyid": "other"}])
    yield "keyid of the key", envelope(signatures=[{"sig": S, "keyid": FINGERPRINT}])
    yield "keyid empty", envelope(signatures=[{"sig": S, "keyid": ""}])
    yield "keyid null", envelope(signatures=[{"sig": S, "keyid": None}])
    yield "keyid a number", envelope(signatures=[{"sig": S, "keyid": 7}])
    yield "keyId", envelope(signatures=[{"sig": S, "keyId": ""}])
    yield "a certificate in the signature", envelope(signatures=[{"sig": S, "cert": ""}])
    yield "a byte after the signature", envelope(signatures=[{"sig": b64(SIG + b"\0")}])
    # verification material
    yield "no material", edited(lambda d: d.pop("verificationMaterial"))
    yield "material null", edited(lambda d: d.update(verificationMaterial=None))
    yield "material empty", material()
    yield "material a list", edited(lambda d: d.update(verificationMaterial=[]))
    yield "public key null", material(publicKey=None)
    yield "public key empty", material(publicKey={})
    yield "public key a string", material(publicKey="test")
    yield "hint null", material(publicKey={"hint": None})
    yield "hint a number", material(publicKey={"hint": 1})
    yield "raw bytes in the hint", material(publicKey={"rawBytes": b64(b"x")})
    yield "a certificate", material(certificate={"rawBytes": b64(b"x")})
    yield "certificate null beside the key", material(publicKey=HINT, certificate=None)
    yield "certificate beside the key", material(publicKey=HINT, certificate={"rawBytes": b64(b"x")})
    yield "a chain", material(x509CertificateChain={"certificates": [{"rawBytes": b64(b"x")}]})
    yield "an unknown field of the material", material(publicKey=HINT, other=1)
    yield "original names of the material", text("publicKey", "public_key")
    yield "original name of verificationMaterial", text("verificationMaterial", "verification_material")
    yield "log entries empty", material(publicKey=HINT, tlogEntries=[])
    yield "log entries null", material(publicKey=HINT, tlogEntries=None)
    yield "log entries null inside", material(publicKey=HINT, tlogEntries=[None])
    yield "a log entry that is empty", material(publicKey=HINT, tlogEntries=[{}])
    yield "a log entry", logged()
    yield "a log entry with a number as the index", logged(logIndex=17)
    yield "a log entry with 1.7e1 as the index", logged(logIndex="1.7e1")
    yield "a log entry with a fraction as the index", logged(logIndex="1.5")
    yield "a log entry with a huge index", logged(logIndex="9223372036854775808")
    yield "a log entry with a huge exponent", logged(logIndex="1e400")
    yield "a log entry with spaces around the index", logged(logIndex=" 17")
    yield "a log entry with a negative index", logged(logIndex="-1")
    yield "a log entry with the index true", logged(logIndex=True)
    yield "a log entry without a proof", logged(inclusionProof=...)
    yield "a log entry without a promise", logged(inclusionPromise=...)
    yield "a log entry without an id", logged(logId=...)
    yield "a log entry without a kind", logged(kindVersion=...)
    yield "a log entry without a body", logged(canonicalizedBody=...)
    yield "a log entry with another body", logged(canonicalizedBody=b64(b"{}"))
    yield (
        "a log entry with a body of another kind",
        logged(canonicalizedBody=b64(b'{"kind": "other", "apiVersion": "0.0.1"}')),
    )
    yield "a log entry of another version", logged(kindVersion={"kind": "hashedrekord", "version": "9"})
    yield "a log entry without a time", logged(integratedTime=...)
    yield "a log entry without a checkpoint", logged(inclusionProof={"logIndex": 1})
    yield "33 log entries", material(publicKey=HINT, tlogEntries=[log_entry()] * 33)
    yield (
        "timestamps",
        material(
            publicKey=HINT, timestampVerificationData={"rfc3161Timestamps": [{"signedTimestamp": b64(b"t")}]}
        ),
    )
    yield "timestamps empty", material(publicKey=HINT, timestampVerificationData={})
    yield "timestamps a list", material(publicKey=HINT, timestampVerificationData=[])
    # media types
    for kind in (
        "",
        None,
        7,
        PREFIX,
        f"{PREFIX}+json",
        f"{PREFIX}+json;version=0.1",
        f"{PREFIX}+json;version=0.2",
        f"{PREFIX}+json;version=0.3",
        f"{PREFIX}+json; version=0.3",
        f"{PREFIX}+json;version=0.4",
        f"{PREFIX}.v0.2+json",
        f"{PREFIX}.v0.3",
        f"{PREFIX}.v0.3.0+json",
        f"{PREFIX}.v0.3.1+json",
        f"{PREFIX}.v0.3.0-rc.1+json",
        f"{PREFIX}.v0.3.1-rc.1+json",
        f"{PREFIX}.v0.3.1-01+json",
        f"{PREFIX}.v0.3.1+a.b+json",
        f"{PREFIX}.v0.3.01+json",
        f"{PREFIX}.v0.4.0-rc.1+json",
        f"{PREFIX}.v0.4+json",
        f"{PREFIX}.v00.3+json",
        f"{PREFIX}.v1+json",
        f"{PREFIX}.v0+json",
        f"{PREFIX}.V0.3+json",
        f"{BUNDLE} ",
        BUNDLE.upper(),
    ):
        yield f"media type {kind!r}", media_type(kind)
    yield "no media type", edited(lambda d: d.pop("mediaType"))
    yield "original name media_type", text("mediaType", "media_type")
    # fields
    yield "an unknown field", edited(lambda d: d.update(other=None))
    yield "an extension's name", edited(lambda d: d.update({"[other]": 1}))
    yield "an empty name", edited(lambda d: d.update({"": 1}))
    yield "a field twice", text('"mediaType"', f'"mediaType": "{BUNDLE}", "mediaType"')
    yield "a field and its original name", edited(lambda d: d.update(media_type=BUNDLE))
    yield "another case", text("mediaType", "MediaType")
    yield "another case beside", edited(lambda d: d.update(MEDIATYPE="x"))
    yield "DsseEnvelope", text("dsseEnvelope", "DsseEnvelope")
    yield "original name dsse_envelope", text("dsseEnvelope", "dsse_envelope")
    yield "payload_type", text("payloadType", "payload_type")
    yield "an unknown field of the envelope", envelope(other=1)
    yield "envelope null", edited(lambda d: d.update(dsseEnvelope=None))
    yield "envelope a list", edited(lambda d: d.update(dsseEnvelope=[]))
    yield "message signature null", edited(lambda d: d.update(messageSignature=None))
    yield "message signature beside", edited(lambda d: d.update(messageSignature={}))
    yield (
        "message signature instead",
        edited(
            lambda d: (
                d.pop("dsseEnvelope"),
                d.update(
                    messageSignature={
                        "messageDigest": {"algorithm": "SHA2_256", "digest": b64(bytes.fromhex(SUBJECT.hex))},
                        "signature": S,
                    }
                ),
            )
        ),
    )
    # base64
    yield "sig without padding", envelope(signatures=[{"sig": S.rstrip("=")}])
    yield (
        "sig in the URL alphabet",
        envelope(signatures=[{"sig": base64.urlsafe_b64encode(URL_SAFE).decode()}]),
    )
    yield (
        "sig in the URL alphabet without padding",
        envelope(signatures=[{"sig": base64.urlsafe_b64encode(URL_SAFE).decode().rstrip("=")}]),
    )
    yield "sig in both alphabets", envelope(signatures=[{"sig": S[:4] + "-/+_" + S[8:]}])
    yield "payload without padding", envelope(payload=b64(payload(predicate={"a": ""})).rstrip("="))
    yield "true payload without padding", signing(TRUE + b" ", payload=b64(TRUE + b" ").rstrip("="))
    yield "payload with line ends", envelope(payload=P[:64] + "\r\n\r\n" + P[64:])
    yield "payload with one line end", envelope(payload=P[:64] + "\n" + P[64:])
    yield "payload with spaces", envelope(payload=P[:64] + " " + P[64:])
    yield "payload with text after it", envelope(payload=P + "!!!!")
    yield "payload padded too much", envelope(payload=P + "====")
    yield "payload null", envelope(payload=None)
    yield "payload empty", envelope(payload="")
    yield "payload not in base64", envelope(payload=TRUE.decode())
    yield "another payload type", envelope(payloadType="application/json")
    yield "payload type null", envelope(payloadType=None)
    # JSON
    raw = json.dumps(bundle_of(TRUE, SIG))
    yield "a byte order mark", b"\xef\xbb\xbf" + raw.encode()
    yield "UTF-16", raw.encode("utf-16")
    yield "UTF-16 without a mark", raw.encode("utf-16-le")
    yield (
        "Latin-1",
        edited(lambda d: d["verificationMaterial"]["publicKey"].update(hint="X")).replace(b'"X"', b'"\xff"'),
    )
    yield "two values", raw.encode() + b"{}"
    yield "text after it", raw.encode() + b"x"
    yield "a comma after it", raw.encode() + b","
    yield "a trailing comma", raw.encode()[:-1] + b",}"
    yield "a comment", b"/* */" + raw.encode()
    yield "single quotes", raw.replace('"', "'").encode()
    yield "NaN", text('{"hint": "test"}', '{"hint": NaN}')
    yield "a control character", text('"test"', '"te\tst"')
    yield "an escaped control character", text('"test"', '"te\\u0000st"')
    yield "half a surrogate pair", text('"test"', '"\\ud800"')
    yield "the other half", text('"test"', '"\\udc00"')
    yield "a surrogate pair", text('"test"', '"\\ud83d\\ude00"')
    yield "a wrong escape", text('"test"', '"\\x"')
    yield "an escaped name", text('"mediaType"', '"media\\u0054ype"')
    yield "an array", f"[{raw}]".encode()
    yield "nothing", b" "
    yield "null", b"null"
    yield "deeply nested", text('"test"', NESTED)
    # the statement
    yield "statement type v0.1", signing(payload(_type="https://in-toto.io/Statement/v0.1"))
    yield "statement type other", signing(payload(_type="other"))
    yield "statement without a type", signing(payload(_type=...))
    yield "statement type null", signing(payload(_type=None))
    yield "original name type", raw_statement('"_type"', '"type"')
    yield "original name predicate_type", raw_statement('"predicateType"', '"predicate_type"')
    yield "another case in the statement", raw_statement('"predicateType"', '"PredicateType"')
    yield "an unknown field of the statement", signing(payload(other=1))
    yield "a field of the statement twice", raw_statement('"_type"', '"_type": "a", "_type"')
    yield "predicate null", signing(payload(predicate=None))
    yield "no predicate", signing(payload(predicate=...))
    yield "predicate a string", signing(payload(predicate="x"))
    yield "predicate a list", signing(payload(predicate=[]))
    yield "predicate with null", signing(payload(predicate={"a": None, "b": [None, {}]}))
    yield "predicate with a key twice", raw_statement('"predicate": {}', '"predicate": {"a": 1, "a": 2}')
    yield "predicate with a large number", raw_statement('"predicate": {}', '"predicate": {"a": 1e308}')
    yield "predicate with a huge number", raw_statement('"predicate": {}', '"predicate": {"a": 1e309}')
    yield "predicate with many digits", raw_statement('"predicate": {}', f'"predicate": {{"a": {"9" * 400}}}')
    yield "predicate with NaN", raw_statement('"predicate": {}', '"predicate": {"a": NaN}')
    yield "predicate with half a pair", raw_statement('"predicate": {}', '"predicate": {"a": "\\ud800"}')
    yield "predicate of some depth", raw_statement('"predicate": {}', f'"predicate": {{"a": {NESTED}}}')
    yield "statement in UTF-16", signing(TRUE.decode().encode("utf-16"))
    yield "statement with a mark", signing(b"\xef\xbb\xbf" + TRUE)
    yield "statement with text after it", signing(TRUE + b"x")
    yield "statement with a new line", signing(TRUE + b"\n")
    # subjects
    yield "no subject", signing(payload(subject=[]))
    yield "subject null", signing(payload(subject=None))
    yield "a null subject", signing(payload(subject=[None, STATEMENT["subject"][0]]))
    yield "another subject", signing(subject(digest={"sha256": "0" * 64}))
    yield (
        "two subjects",
        signing(payload(subject=[{"digest": {"sha256": "0" * 64}}, STATEMENT["subject"][0]])),
    )
    yield "a subject without a digest first", signing(payload(subject=[{}, STATEMENT["subject"][0]]))
    yield "1025 subjects", signing(payload(subject=STATEMENT["subject"] * 1025))
    yield "subject with a name", signing(subject(name="a", uri="b", mediaType="c", downloadLocation="d"))
    yield "subject with original names", signing(subject(media_type="c", download_location="d"))
    yield "subject with content", signing(subject(content=b64(b"x").rstrip("=")))
    yield "subject with an unknown field", signing(subject(other=1))
    yield "subject without annotations", signing(subject(annotations=...))
    yield "digest in capitals", signing(subject(digest={"sha256": SUBJECT.hex.upper()}))
    yield "digest with SHA256", signing(subject(digest={"SHA256": SUBJECT.hex}))
    yield "digest with its algorithm", signing(subject(digest={"sha256": str(SUBJECT)}))
    yield "digest a number", signing(subject(digest={"sha256": 7}))
    yield "digest null", signing(subject(digest={"sha256": None}))
    yield "digest of two kinds", signing(subject(digest={"sha256": SUBJECT.hex, "sha1": "00"}))
    yield (
        "digest beside what is not hexadecimal",
        signing(subject(digest={"sha256": SUBJECT.hex, "gitCommit": "main"})),
    )
    yield "33 digests", signing(subject(digest={"sha256": SUBJECT.hex} | {f"x{n}": "00" for n in range(32)}))
    yield "digest twice", raw_statement('"sha256": ', f'"sha256": "{"0" * 64}", "sha256": ')
    # the referrer
    true = Variant(raw.encode())
    yield "two layers", replace(true, layers=2)
    yield "layer of another bundle's type", replace(true, layer_type=f"{PREFIX}.v0.9+json")
    yield "layer of another type", replace(true, layer_type="application/json")
    yield "a bundle in gzip", gzip.compress(raw.encode())


VARIANTS = dict(_variants())
