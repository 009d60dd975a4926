"""A TUF repository on loopback with a trusted root of Sigstore as its one target: what `cosign initialize` and Kyverno
fetch roots from (https://theupdateframework.github.io/specification)."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

_ROLES = ("root", "timestamp", "snapshot", "targets")
_TARGET = "trusted_root.json"


@dataclass(frozen=True)
class TufRepository:
    """Where it is served, and the root of trust to begin with."""

    mirror: str
    root: Path

    @property
    def root_data(self) -> str:
        """The root of trust as Kyverno's policies have it."""
        return base64.b64encode(self.root.read_bytes()).decode()


@contextmanager
def tuf_repository(folder: Path, trusted_root: Path) -> Iterator[TufRepository]:
    """The repository, until the end of the block."""
    _write(folder, trusted_root)
    handler = partial(_Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield TufRepository(f"http://127.0.0.1:{server.server_address[1]}", folder / "1.root.json")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""


def _write(folder: Path, trusted_root: Path) -> None:
    """The metadata of one version, each role with a key of its own, and the target under its digest."""
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    signers = {role: CryptoSigner.generate_ed25519() for role in _ROLES}
    root = Root(expires=expires, consistent_snapshot=True)
    for role in _ROLES:
        root.add_key(signers[role].public_key, role)
    target = TargetFile.from_file(_TARGET, str(trusted_root))
    target.unrecognized_fields["custom"] = {"sigstore": {"status": "Active", "usage": "Unknown"}}
    parts: dict[str, Any] = {
        "root": root,
        "targets": Targets(expires=expires, targets={_TARGET: target}),
        "snapshot": Snapshot(expires=expires, meta={"targets.json": MetaFile(1)}),
        "timestamp": Timestamp(expires=expires, snapshot_meta=MetaFile(1)),
    }
    for role, signed in parts.items():
        metadata = Metadata(signed)
        metadata.sign(signers[role])
        name = "timestamp.json" if role == "timestamp" else f"1.{role}.json"
        (folder / name).write_bytes(metadata.to_bytes())
    (folder / "root.json").write_bytes((folder / "1.root.json").read_bytes())
    (folder / "targets").mkdir()
    content = trusted_root.read_bytes()
    (folder / "targets" / f"{target.hashes['sha256']}.{_TARGET}").write_bytes(content)
