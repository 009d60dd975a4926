"""A proxy on loopback that passes every request to a registry and counts it: the same scale for every client."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "date", "server"}


@dataclass
class Counted:
    """Where the proxy listens, and what it was asked: requests by method."""

    host: str
    asked: Counter[str] = field(default_factory=Counter)

    def take(self) -> Counter[str]:
        """What was asked since this was called last."""
        taken, self.asked = self.asked, Counter()
        return taken


@contextmanager
def counting(upstream: str) -> Iterator[Counted]:
    """A counting front of the registry at `upstream` (host:port, plain HTTP)."""
    counted = Counted("")

    class Handler(_Handler):
        registry, counts = upstream, counted

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    counted.host = f"localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield counted
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: str
    counts: Counted

    def _pass(self) -> None:
        self.counts.asked[self.command] += 1
        names = {k.lower() for k in self.headers} - _HOP
        headers = {name: ", ".join(self.headers.get_all(name, [])) for name in names}
        connection = http.client.HTTPConnection(self.registry)
        try:
            connection.request(self.command, self.path, body=self._body(), headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() == "location":
                    value = value.replace(f"http://{self.registry}", f"http://{self.counts.host}")
                if name.lower() not in _HOP and name.lower() != "content-length":
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            self.wfile.write(content)
        finally:
            connection.close()

    def _body(self) -> bytes | None:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._chunks())
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(length) if length else None

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: counting is all this is for."""

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _pass
