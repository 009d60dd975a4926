"""Grype's data as its publisher serves it: a listing, and the archive that it names."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from .planted import grype_database


@dataclass
class GrypeServer:
    """A server on loopback. `files` is what it has by path; `requests` are the paths that were fetched."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    @property
    def listing(self) -> str:
        """The address for `grype_db`."""
        return f"{self.address}/v6/latest.json"

    def publish(self, folder: Path, advisories: str, built: str) -> None:
        """Have these advisories as today's data, built at a time (RFC 3339)."""
        folder.mkdir(parents=True)
        (folder / "advisories.yml").write_text(advisories)
        database = grype_database(folder, folder / "advisories.yml")
        with tarfile.open(folder / "db.tar.gz", "w:gz") as archive:
            archive.add(database, "vulnerability.db")
        packed = (folder / "db.tar.gz").read_bytes()
        self.put(packed, built)

    def put(self, packed: bytes, built: str, *, checksum: str = "") -> None:
        """Serve this archive."""
        name = f"vulnerability-db_v6.1.10_{built}.tar.gz".replace(":", "")
        listing = {
            "status": "active",
            "schemaVersion": "v6.1.10",
            "built": built,
            "path": name,
            "checksum": checksum or f"sha256:{hashlib.sha256(packed).hexdigest()}",
        }
        self.files = {f"/v6/{name}": packed, "/v6/latest.json": json.dumps(listing).encode()}


@contextmanager
def serving_grype() -> Iterator[GrypeServer]:
    """A server that has nothing yet."""
    made = GrypeServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.requests.append(self.path)
            content = made.files.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        made.address = f"http://127.0.0.1:{server.server_address[1]}"
        yield made
        server.shutdown()
