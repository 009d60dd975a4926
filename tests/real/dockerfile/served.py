"""A web server with a git repository on an address of this machine that is not loopback: what ADD fetches from."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from .features import MOMENT, Served, archives

_WHO = {"NAME": "t", "EMAIL": "t@example.org", "DATE": f"{MOMENT} +0000"}
_GIT = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _WHO.items()}
_GIT |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}


def own_address() -> str | None:
    """The address that this machine has towards others; None where it has only loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # sends nothing
        except OSError:
            return None
        return str(probe.getsockname()[0])


@contextmanager
def serving(folder: Path, address: str) -> Iterator[Served]:
    """What `Served` describes, written to `folder` and served on a free port of `address`."""
    plain = folder / "plain.txt"
    plain.write_text("plain\n")
    (folder / "t.tar.gz").write_bytes(archives()["t.tar.gz"])
    for path in folder.iterdir():
        os.utime(path, (MOMENT, MOMENT))
    commit = _repository(folder)
    with ThreadingHTTPServer((address, 0), partial(_Handler, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            where = f"http://{address}:{server.server_port}"
            yield Served(where, commit, f"sha256:{hashlib.sha256(plain.read_bytes()).hexdigest()}")
        finally:
            server.shutdown()
            thread.join()


def _repository(folder: Path) -> str:
    """Make git/r.git; gives the commit that v1 is."""
    work, bare = folder / "work", folder / "git/r.git"
    git = partial(_git, work)
    (work / "dir").mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=main")
    (work / "run").write_text("#!/bin/sh\n")
    (work / "run").chmod(0o755)
    (work / "dir/one").write_text("one\n")
    commit = _commit(work)
    git("tag", "v1")
    (work / "dir/one").write_text("one, later\n")
    _commit(work)
    git("clone", "--quiet", "--bare", ".", str(bare))
    _git(bare, "config", "uploadpack.allowReachableSHA1InWant", "true")
    return commit


def _commit(work: Path) -> str:
    _git(work, "add", "--all")
    _git(work, "commit", "--quiet", "--message", "a change")
    return _git(work, "rev-parse", "HEAD")


def _git(folder: Path, *arguments: str) -> str:
    argv = ["git", "-C", str(folder), *arguments]
    return subprocess.run(argv, env=_GIT, check=True, capture_output=True, text=True).stdout.strip()


class _Handler(SimpleHTTPRequestHandler):
    """Files with their times; below /git git's own server (git-http-backend(1))."""

    def do_GET(self) -> None:
        if self.path.startswith("/git/"):
            self._backend(b"")
        else:
            super().do_GET()

    def do_POST(self) -> None:
        self._backend(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: pytest shows what a test says."""

    def _backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        asked = {
            "GIT_PROJECT_ROOT": self.directory,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=_GIT | asked, capture_output=True, check=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in {**fields, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
