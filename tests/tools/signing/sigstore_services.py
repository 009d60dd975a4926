"""Sigstore on loopback: a certificate authority (Fulcio), a timestamp authority and a transparency log (Rekor v2).

They are compiled from their pinned module; the OIDC issuer and the CT log are the tests' own (`oidc_issuer.py`,
`ct_log.py`).
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from pipeline.lab.tools.recipes import GoTool
from tests.registry.servers import running
from tests.tools.judges import program
from tests.tools.ports import free_port

from .authorities import (
    PASSWORD,
    b64,
    new_authority,
    pem,
    plain_pem,
    public_der,
    sealed_pem,
    since,
    timestamp_certificate,
    write,
)
from .ct_log import CtLog, spki
from .oidc_issuer import Issuer

_MODULE = "github.com/sigstore"
SIGSTORE = GoTool(
    "sigstore",
    "fulcio-1.8.8",
    (
        f"{_MODULE}/fulcio",
        f"{_MODULE}/timestamp-authority/v2/cmd/timestamp-server",
        f"{_MODULE}/rekor-tiles/v2/cmd/rekor-server/posix",
    ),
    minutes=2,
    folder=Path(__file__).parents[1] / "sigstore",
)
_HOST = "127.0.0.1"
EMAIL_ISSUER, WORKFLOW_ISSUER, PIPELINE_ISSUER, BUILD_ISSUER = "email", "workflow", "pipeline", "build"


@dataclass(frozen=True)
class Sigstore:
    """A running Sigstore: its addresses in `signing_config`, what verifies it in `trusted_root`.

    Tests have its keys, to make what its services never would.
    """

    folder: Path
    issuer: Issuer
    ct_log: CtLog
    authority: tuple[x509.Certificate, ec.EllipticCurvePrivateKey]
    signing_config: Path
    trusted_root: Path

    @property
    def people(self) -> str:
        """The issuer of tokens for e-mail addresses."""
        return self.issuer.url(EMAIL_ISSUER)

    @property
    def workflows(self) -> str:
        """The issuer of tokens for workflows, as GitHub's."""
        return self.issuer.url(WORKFLOW_ISSUER)

    @property
    def pipelines(self) -> str:
        """The issuer of tokens for pipelines, as GitLab's."""
        return self.issuer.url(PIPELINE_ISSUER)

    @property
    def builds(self) -> str:
        """The issuer of tokens for builds, as that of Jenkins' plugin: `sub` is the address of the job."""
        return self.issuer.url(BUILD_ISSUER)

    def token(self, email: str) -> str:
        """An identity token of somebody."""
        return self.issuer.mint(EMAIL_ISSUER, {"email": email, "email_verified": True})


@contextmanager
def sigstore(folder: Path) -> Iterator[Sigstore]:
    """All services, until the end of the block."""
    ports = {name: free_port() for name in ("fulcio", "fulcio-grpc", "fulcio-metrics", "tsa", "rekor")}
    ports |= {name: free_port() for name in ("rekor-grpc", "rekor-metrics")}
    authority = new_authority("lab fulcio", path_length=1)
    tsa_root = new_authority("lab timestamps", path_length=0)
    tsa_key = ec.generate_private_key(ec.SECP256R1())
    tsa = timestamp_certificate(tsa_key.public_key(), tsa_root)
    log_key = ed25519.Ed25519PrivateKey.generate()
    with ExitStack() as stack:
        stack.enter_context(_timestamp_port())
        issuer = stack.enter_context(Issuer.running())
        ct_log = stack.enter_context(CtLog.running())
        write(folder, "ca.pem", pem(authority[0]))
        write(folder, "ca.key", sealed_pem(authority[1]))
        write(folder, "tsa.pem", pem(tsa) + pem(tsa_root[0]))
        write(folder, "tsa.key", sealed_pem(tsa_key))
        write(folder, "rekor.key", plain_pem(log_key))
        write(folder, "ct.pub", public_der(ct_log.public_key))
        write(folder, "fulcio.json", json.dumps(_fulcio_config(issuer)).encode())
        (folder / "log").mkdir()
        for name, command in _commands(folder, ports, ct_log).items():
            program_name, *arguments = command
            argv = [str(program(SIGSTORE).parent / program_name), *arguments]
            stack.enter_context(running(argv, ports[name], folder / f"{name}.log"))
        urls = {name: f"http://{_HOST}:{ports[name]}" for name in ("fulcio", "tsa", "rekor")}
        urls["tsa"] += "/api/v1/timestamp"
        config, root = folder / "signing-config.json", folder / "trusted-root.json"
        config.write_text(json.dumps(_signing_config(urls, issuer.url(EMAIL_ISSUER)), indent=1))
        chains = {"fulcio": [authority[0]], "tsa": [tsa, tsa_root[0]]}
        root.write_text(json.dumps(_trusted_root(urls, chains, log_key.public_key(), ct_log), indent=1))
        yield Sigstore(folder, issuer, ct_log, authority, config, root)


@contextmanager
def _timestamp_port() -> Iterator[None]:
    """The timestamp server listens on a port that no option changes, for its metrics: one runs on this machine."""
    with (Path(tempfile.gettempdir()) / f"lockage-timestamp-server-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _commands(folder: Path, ports: Mapping[str, int], ct_log: CtLog) -> dict[str, list[str]]:
    def port(name: str) -> str:
        return str(ports[name])

    fulcio = ["fulcio", "serve", "--host", _HOST, "--port", port("fulcio"), "--grpc-host", _HOST]
    fulcio += ["--grpc-port", port("fulcio-grpc"), "--metrics-port", port("fulcio-metrics")]
    fulcio += ["--ca", "fileca", "--fileca-cert", f"{folder}/ca.pem", "--fileca-key", f"{folder}/ca.key"]
    fulcio += ["--fileca-key-passwd", PASSWORD, "--fileca-watch=false", "--ct-log-url", ct_log.url]
    fulcio += ["--ct-log-public-key-path", f"{folder}/ct.pub", "--config-path", f"{folder}/fulcio.json"]
    fulcio += ["--legacy-unix-domain-socket", f"{folder}/fulcio.sock"]
    tsa = ["timestamp-server", "serve", "--host", _HOST, "--port", port("tsa"), "--timestamp-signer", "file"]
    tsa += ["--file-signer-key-path", f"{folder}/tsa.key", "--file-signer-passwd", PASSWORD]
    tsa += ["--certificate-chain-path", f"{folder}/tsa.pem", "--disable-ntp-monitoring"]
    rekor = ["posix", "serve", "--http-address", _HOST, "--http-port", port("rekor")]
    rekor += ["--grpc-address", _HOST, "--grpc-port", port("rekor-grpc")]
    rekor += ["--http-metrics-port", port("rekor-metrics"), "--hostname", _HOST]
    rekor += ["--storage-dir", f"{folder}/log", "--signer-filepath", f"{folder}/rekor.key"]
    rekor += ["--checkpoint-interval", "100ms", "--batch-max-age", "100ms"]
    return {"fulcio": fulcio, "tsa": tsa, "rekor": rekor}


def _fulcio_config(issuer: Issuer) -> dict[str, Any]:
    def entry(path: str, kind: str) -> dict[str, str]:
        url = issuer.url(path)
        return {
            "IssuerURL": url,
            "ClientID": "sigstore",
            "Type": kind,
            "Contact": "a@b.c",
            "Description": path,
            **({"SubjectDomain": f"http://{_HOST}"} if kind == "uri" else {}),
        }

    kinds = {EMAIL_ISSUER: "email", WORKFLOW_ISSUER: "github-workflow"}
    kinds |= {PIPELINE_ISSUER: "gitlab-pipeline", BUILD_ISSUER: "uri"}
    return {"OIDCIssuers": {issuer.url(path): entry(path, kind) for path, kind in kinds.items()}}


def _signing_config(urls: Mapping[str, str], issuer: str) -> dict[str, Any]:
    def service(url: str, version: int) -> dict[str, Any]:
        return {"url": url, "majorApiVersion": version, "validFor": since(), "operator": "lab"}

    return {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [service(urls["fulcio"], 1)],
        "oidcUrls": [service(issuer, 1)],
        "rekorTlogUrls": [service(urls["rekor"], 2)],
        "tsaUrls": [service(urls["tsa"], 1)],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaConfig": {"selector": "ANY"},
    }


def _trusted_root(
    urls: Mapping[str, str],
    chains: Mapping[str, list[x509.Certificate]],
    log_key: ed25519.Ed25519PublicKey,
    ct_log: CtLog,
) -> dict[str, Any]:
    def authority(name: str) -> dict[str, Any]:
        certificates = [{"rawBytes": b64(c.public_bytes(serialization.Encoding.DER))} for c in chains[name]]
        subject = {"organization": "lab", "commonName": name}
        chain = {"certificates": certificates}
        return {"subject": subject, "uri": urls[name], "certChain": chain, "validFor": since()}

    def log(url: str, key: bytes, details: str, log_id: bytes) -> dict[str, Any]:
        public = {"rawBytes": b64(key), "keyDetails": details, "validFor": since()}
        return {
            "baseUrl": url,
            "hashAlgorithm": "SHA2_256",
            "publicKey": public,
            "logId": {"keyId": b64(log_id)},
        }

    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [log(urls["rekor"], spki(log_key), "PKIX_ED25519", _checkpoint_id(log_key))],
        "certificateAuthorities": [authority("fulcio")],
        "ctlogs": [
            log(ct_log.url, spki(ct_log.public_key), "PKIX_ECDSA_P256_SHA_256", ct_log.log_id),
        ],
        "timestampAuthorities": [authority("tsa")],
    }


def _checkpoint_id(key: ed25519.Ed25519PublicKey) -> bytes:
    """The id of a log by its checkpoints' name and key (c2sp.org/signed-note)."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(f"{_HOST}\n".encode() + b"\x01" + raw)
    return digest.finalize()
