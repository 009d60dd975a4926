"""The program's processes without its start: each is forked from one that has imported the program already.

Importing takes a second of processor time where a command talks to the engine. Arguments, environment, folder, output
and exit code are each process's own. Tests that start the program from nothing use the command line of `Site.command`.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

if TYPE_CHECKING:
    from pydantic import BaseModel

ROOT = Path(__file__).resolve().parents[2]
_OF_THE_MODULE = ("pipeline.module", "pipeline.engine.uncached")
_LATER = (  # what libraries import when it is first used
    "anyio._backends._asyncio",
    "backports.zstd",
    "email.headerregistry",
    "http.cookies",
    "httpcore._backends.anyio",
    "nacl.secret",
    "cryptography.hazmat.primitives.serialization",
    "netrc",
    "stringprep",
)
_MORE, _LAST = b"m", b"l"  # requests: the program's processes are waited for after the last one


class Ended(NamedTuple):
    """How a process ended, and what it wrote."""

    code: int
    out: str
    err: str


class EndedBytes(NamedTuple):
    """The same, with exactly the bytes that it wrote."""

    code: int
    out: bytes
    err: bytes


class Request(NamedTuple):
    """A process of `lockage`: its arguments, folder and environment."""

    arguments: Sequence[str]
    cwd: Path
    env: Mapping[str, str]


def run(arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float = 1800) -> Ended:
    """Run `lockage` with these arguments to its end."""
    return run_together([Request(arguments, cwd, env)], timeout=timeout)[0]


def run_bytes(
    arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float = 1800
) -> EndedBytes:
    """Like `run`, but what it wrote is not decoded."""
    return _run([Request(arguments, cwd, env)], timeout)[0]


def run_together(requests: Sequence[Request], *, timeout: float = 1800) -> list[Ended]:
    """Run several at the same time, such as those that wait most of it, to the end of all."""
    return [Ended(code, _text(out), _text(err)) for code, out, err in _run(requests, timeout)]


def _run(requests: Sequence[Request], timeout: float) -> list[EndedBytes]:
    server = _server()
    with ExitStack() as files:
        outputs = [[files.enter_context(tempfile.TemporaryFile()) for _ in range(2)] for _ in requests]
        pids: list[int] = []
        try:
            for request, (out, err) in zip(requests, outputs, strict=True):
                body = files.enter_context(tempfile.TemporaryFile())
                body.write(
                    json.dumps([list(request.arguments), str(request.cwd), dict(request.env)]).encode()
                )
                body.flush()
                word = _LAST if len(pids) + 1 == len(requests) else _MORE
                socket.send_fds(server, [word], [body.fileno(), out.fileno(), err.fileno()])
                pids.append(int.from_bytes(_receive(server, 8)))
            codes = _await(server, pids, timeout)
        except (ConnectionError, RuntimeError):  # the program may not even be imported
            _server.cache_clear()  # the next test starts another one
            server.close()
            raise
        return [
            EndedBytes(code, _content(out), _content(err))
            for code, (out, err) in zip(codes, outputs, strict=True)
        ]


def _await(server: socket.socket, pids: Sequence[int], timeout: float) -> list[int]:
    codes: list[int] = []
    server.settimeout(timeout)
    try:
        for _ in pids:
            codes.append(int.from_bytes(_receive(server, 8), signed=True))
    except TimeoutError:
        server.settimeout(None)
        for pid in pids[len(codes) :]:
            os.kill(pid, signal.SIGKILL)  # the server has not waited for it
            _receive(server, 8)
        raise
    finally:
        server.settimeout(None)
    return codes


def _content(file: Any) -> bytes:
    file.seek(0)
    return file.read()


def _text(content: bytes) -> str:
    return content.decode().replace("\r\n", "\n")


def _receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise RuntimeError("the process that starts the program's processes has ended")
        data += more
    return data


@cache
def _server() -> socket.socket:
    """A connection to the process that forks; it ends with this one."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "tests.tools.warm", str(theirs.fileno())]
    subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
    theirs.close()
    return ours


def serve(connection: socket.socket) -> int:
    """Fork for every request until the other end is closed; a forked process returns the program's exit code."""
    from pipeline.cli import main
    from pipeline.config.base import Model
    from pipeline.engine.sdk.imports import import_sdk
    from pipeline.registry.http.aiohttp_import import import_aiohttp

    import_sdk()
    import_aiohttp()
    for module in pkgutil.walk_packages([str(ROOT / "pipeline")], "pipeline."):
        if not module.name.startswith(_OF_THE_MODULE) and not module.name.endswith("__main__"):
            import_module(module.name)
    for name in _LATER:
        import_module(name)
    _complete(Model)
    _compile()
    gc.freeze()
    assert threading.active_count() == 1, "a process with threads is not to be forked"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever waits for the program
    children: list[int] = []
    while True:
        word, descriptors, _, _ = socket.recv_fds(connection, 1, 3)
        if not word:
            return 0
        child = os.fork()
        if child == 0:
            connection.close()
            _end(_exit_code(main, _become(*descriptors)))
        for descriptor in descriptors:
            os.close(descriptor)
        connection.sendall(child.to_bytes(8))
        children.append(child)
        if word == _LAST:
            for child in children:
                _, status = os.waitpid(child, 0)
                connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, signed=True))
            children.clear()


def _complete(model: type[BaseModel]) -> None:
    """Make the validators of all models here, once: the program makes them when it first needs them."""
    for derived in model.__subclasses__():
        _complete(derived)
    model.model_rebuild()


def _compile() -> None:
    """Make the methods of all values here, once: the program makes each when it is first called (util/dataclass.py)."""
    modules = [module for name, module in sys.modules.items() if name.startswith("pipeline.")]
    for kind in {value for module in modules for value in vars(module).values() if isinstance(value, type)}:
        if kind.__module__.startswith("pipeline.") and "__dataclass_fields__" in vars(kind):
            blank: Any = object.__new__(kind)
            with suppress(TypeError):
                blank.__init__(**{"no such field": None})
            with suppress(AttributeError, TypeError):  # it has no fields
                blank.__eq__(None)
                blank.__hash__()


def _become(body: int, out: int, err: int) -> list[str]:
    """Make this process the one that was requested; gives its arguments."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open(body, "rb") as file:
        file.seek(0)
        arguments, folder, environ = json.load(file)
    for descriptor, standard in ((out, 1), (err, 2)):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    os.chdir(folder)
    sys.path[0] = folder
    sys.argv = [str(ROOT / "pipeline/cli/__main__.py"), *arguments]
    return arguments


def _exit_code(main: Callable[[list[str]], int], arguments: list[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as ended:
        if isinstance(ended.code, int):
            return ended.code
        raise


def _end(code: int) -> NoReturn:
    """Do what a process does at its end, but for taking modules apart: all were imported, and that takes 0.1 s."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(serve(socket.socket(fileno=int(sys.argv[1]))))
