"""What users of OpenTelemetry get: their collector receives what the engine did, unless they sample nothing."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.real.samples import hello
from tests.real.site import Site

pytestmark = pytest.mark.real


@contextmanager
def collector() -> Iterator[tuple[str, list[str]]]:
    """An OTLP collector (HTTP) on loopback: its address, and the paths to which something was sent."""
    received: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            received.append(self.path if b"Container.with" in body else "")
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Print nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_collector_receives_the_steps_of_a_build(site: Site, project: Callable[..., Path]) -> None:
    root = project(hello())
    with collector() as (address, received):
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
        site.run("build", "--fresh", cwd=root, **endpoint, OTEL_TRACES_SAMPLER="always_off")
        assert "/v1/traces" not in received, "what is set where nobody follows them makes none in the engine"
        site.run("build", "--fresh", cwd=root, **endpoint)
        assert "/v1/traces" in received, received
