"""Rekor v1 on loopback: its server before Trillian with a log in memory, compiled from their pinned modules.

Entries bear a promise (the log's signature of the entry and its time, SET) beside the proof of inclusion.
"""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_public_key

from pipeline.lab.tools.recipes import GoTool
from tests.registry.servers import running
from tests.tools.judges import program
from tests.tools.ports import free_port

from .ct_log import spki
from .sigstore_services import Sigstore

REKOR_V1 = GoTool(
    "rekor-v1",
    "1.5.3",
    ("github.com/sigstore/rekor/cmd/rekor-server", "./trillian-memory"),
    minutes=1.5,
    folder=Path(__file__).parents[1] / "rekor-v1",
)
_HOST = "127.0.0.1"
_ENDPOINTS = "getLogInfo,getPublicKey,getLogProof,createLogEntry,getLogEntryByIndex,getLogEntryByUUID"


@contextmanager
def rekor_v1(services: Sigstore, folder: Path, *, timestamps: bool) -> Iterator[Sigstore]:
    """A Sigstore with this log in the place of its own; without `timestamps`, the log alone says when."""
    ports = {name: free_port() for name in ("trillian", "rekor")}
    binaries = program(REKOR_V1).parent
    trillian = [str(binaries / "trillian-memory"), "--address", f"{_HOST}:{ports['trillian']}"]
    rekor = [str(binaries / "rekor-server"), "serve", "--rekor_server.address", _HOST]
    rekor += ["--port", str(ports["rekor"]), "--trillian_log_server.port", str(ports["trillian"])]
    rekor += ["--trillian_log_server.address", _HOST, "--rekor_server.signer", "memory"]
    rekor += ["--rekor_server.hostname", "rekor.lab", "--enabled_api_endpoints", _ENDPOINTS]
    with (
        running(trillian, ports["trillian"], folder / "trillian.log"),
        running(rekor, ports["rekor"], folder / "rekor-v1.log"),
    ):
        url = f"http://{_HOST}:{ports['rekor']}"
        config, root = folder / "signing-config-v1.json", folder / "trusted-root-v1.json"
        config.write_text(json.dumps(_signing_config(services, url, timestamps=timestamps)))
        root.write_text(json.dumps(_trusted_root(services, url)))
        yield replace(services, signing_config=config, trusted_root=root)


def _signing_config(services: Sigstore, url: str, *, timestamps: bool) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(services.signing_config.read_text())
    config["rekorTlogUrls"] = [config["rekorTlogUrls"][0] | {"url": url, "majorApiVersion": 1}]
    if not timestamps:
        del config["tsaUrls"], config["tsaConfig"]
    return config


def _trusted_root(services: Sigstore, url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/api/v1/log/publicKey", timeout=30) as response:
        key = spki(load_pem_public_key(response.read()))  # type: ignore[arg-type]
    root: dict[str, Any] = json.loads(services.trusted_root.read_text())
    public = root["tlogs"][0]["publicKey"] | {
        "rawBytes": base64.b64encode(key).decode(),
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
    }
    log_id = base64.b64encode(hashlib.sha256(key).digest()).decode()
    log = root["tlogs"][0] | {"baseUrl": url, "publicKey": public, "logId": {"keyId": log_id}}
    return root | {"tlogs": [*root["tlogs"], log]}
