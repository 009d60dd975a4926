"""The benchmarks measure what they say: figures come out whole, and the proxy counts what passes through it."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.bench.registry.proxy import counting

from .clock import Command, Failed, in_turns, wall
from .figures import Figure, table

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.real  # starts the program a few dozen times
def test_start_up_is_measured_against_the_interpreter() -> None:
    """One round of a real benchmark, as the runner prints it for machines; how fast it was is not asked."""
    argv = [sys.executable, "-m", "tests.bench", "startup", "--rounds", "1", "--json"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = {figure["what"]: figure for figure in json.loads(done.stdout)["figures"]}
    assert {"lockage --help", "lockage plan"} <= set(found)
    assert (found["lockage --help"]["goal"], found["lockage plan"]["goal"]) == (8, 16)
    assert found["lockage plan"]["note"].startswith("read back")
    assert all(figure["ratio"] > 0 for figure in found.values())


def test_an_unknown_benchmark_is_refused_with_those_there_are() -> None:
    """A mistyped name must not look like a benchmark that found nothing."""
    argv = [sys.executable, "-m", "tests.bench", "start-up"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "start-up" in done.stderr and "startup" in done.stderr


def test_a_goal_bounds_the_ratio_or_the_figure_itself() -> None:
    """The word in the table, for goals of both kinds and for none."""
    assert Figure("a", 0.7, 0.1, goal=8).met is True
    assert Figure("a", 0.9, 0.1, goal=8).met is False
    assert Figure("a", 0.9, 0.1, goal=1, absolute=True).met is True
    assert Figure("a", 0.9).met is None
    shown = table({"cores": 2}, [Figure("a", 0.9, 0.1, "b", goal=8, note="c")])
    assert "MISSED" in shown and "9.00x" in shown and "900 ms" in shown and "a: c" in shown


def test_commands_take_turns_and_a_failing_one_is_told(tmp_path: Path) -> None:
    """A B A B after one round to warm up; what fails is not a figure."""
    log = tmp_path / "log"
    commands = {
        name: Command(["sh", "-c", f"echo {name} >>{log}"], {"PATH": "/usr/bin:/bin"}, tmp_path)
        for name in "ab"
    }
    found = in_turns(commands, 2)
    assert log.read_text().split() == ["a", "b"] * 3
    assert [len(samples) for samples in found.values()] == [2, 2]
    assert wall(found["a"]) > 0
    with pytest.raises(Failed, match=r"exit 3\n.*why"):
        Command(["sh", "-c", "echo why >&2; exit 3"], {"PATH": "/usr/bin:/bin"}, tmp_path).run()


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response_only(201 if body else 200)
        self.send_header("Location", f"http://{self.headers['Host']}{self.path}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    do_GET = do_HEAD = do_PUT = _answer


@pytest.fixture
def upstream() -> Iterator[str]:
    """A server that gives back what it was sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_proxy_counts_by_method_and_passes_everything_on(upstream: str) -> None:
    """Bodies of known and unknown length, several requests on one connection, addresses that lead back to it."""
    with counting(upstream) as proxy:
        connection = http.client.HTTPConnection(proxy.host)
        connection.request("GET", "/v2/")
        answer = connection.getresponse()
        assert (answer.status, answer.read(), answer.getheader("Location")) == (
            200,
            b"",
            f"http://{proxy.host}/v2/",
        )
        connection.request("PUT", "/v2/a", body=b"12345")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (201, b"12345")
        connection.request("PUT", "/v2/b", body=iter([b"123", b"45"]), encode_chunked=True)
        assert connection.getresponse().read() == b"12345"
        connection.request("HEAD", "/v2/")
        assert connection.getresponse().read() == b""
        connection.close()
        assert proxy.take() == Counter({"PUT": 2, "GET": 1, "HEAD": 1})
        assert proxy.take() == Counter()
