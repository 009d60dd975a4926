"""Secrets of builds from this machine: a variable, a file, a command's output, an SSH agent."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.util.child_environment import child_environment, command_line

if TYPE_CHECKING:
    import dagger

    from pipeline.config import SecretSource, SshSource

_MAX_BYTES = 512_000  # bytes: BuildKit takes no more (session/secrets)
_COMMAND_TIMEOUT = 60.0  # seconds


class HostSecrets:
    """Values are read when a build needs them and passed to the engine as secrets; none is kept here."""

    def __init__(self, environ: Mapping[str, str], root: Path) -> None:
        self._environ, self._root = environ, root

    async def secret(self, client: dagger.Client, id: str, source: SecretSource) -> dagger.Secret | None:
        """The secret with this id, None where its variable or file is not there."""
        if isinstance(source.value, tuple):
            return client.set_secret(f"lockage-{id}", await self._command_output(id, source.value))
        if source.kind == "env":
            # Not as env://, which the session would read from its own environment.
            value = self._variable(id, source.value)
            return None if value is None else client.set_secret(f"lockage-{id}", value)
        path = self._file(id, source.value)
        return client.secret(f"file://{path}") if path else None

    async def agent(self, client: dagger.Client, id: str, source: SshSource) -> dagger.Socket | None:
        """The agent whose socket a variable names, None where it is not set."""
        socket = self._environ.get(source.value)
        return client.host().unix_socket(socket) if socket else None

    async def key(self, client: dagger.Client, id: str, source: SshSource) -> dagger.Secret | None:
        """The private key in a file, None where that is not there."""
        path = self._file(id, source.value)
        return client.secret(f"file://{path}") if path else None

    def _variable(self, id: str, name: str) -> str | None:
        value = self._environ.get(name)
        if value is None:
            return None
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            raise UsageError(f"the secret {id}: {name} is not UTF-8", hint="set it to base64") from None
        if size > _MAX_BYTES:
            raise UsageError(
                f"the secret {id}: {name} has more than {_MAX_BYTES} bytes", hint="name a file in lockage.yml"
            )
        return value

    def _file(self, id: str, text: str) -> Path | None:
        path = Path(self._environ.get("HOME", "/")) / text[2:] if text.startswith("~/") else self._root / text
        path = path.absolute()
        if not path.exists():
            return None
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            raise UsageError(
                f"the secret {id}: {text} is not a file of at most {_MAX_BYTES} bytes",
                hint="name another file in lockage.yml",
            )
        return path

    async def _command_output(self, id: str, argv: tuple[str, ...]) -> str:
        """What a command prints, without the newline at its end. Neither output nor errors are quoted anywhere."""
        environ = child_environment("secret", self._environ)
        try:
            with anyio.fail_after(_COMMAND_TIMEOUT):
                process = await anyio.run_process(
                    command_line(argv, environ),
                    check=False,
                    env=environ,
                    cwd=self._root,
                    stderr=subprocess.DEVNULL,
                )
        except TimeoutError:
            raise self._failed(id, argv, f": no output within {_COMMAND_TIMEOUT:.0f} s") from None
        except OSError as error:
            raise self._failed(id, argv, f": {error.strerror}") from None
        if process.returncode != 0:
            raise self._failed(id, argv, f" exited with {process.returncode}")
        if len(process.stdout) > _MAX_BYTES:
            raise self._failed(id, argv, f" printed more than {_MAX_BYTES} bytes")
        try:
            return process.stdout.decode().removesuffix("\n")
        except UnicodeDecodeError:
            raise EnvironmentProblem(
                f"the secret {id}: the output of {argv[0]} is not UTF-8", hint="let it print base64"
            ) from None

    def _failed(self, id: str, argv: tuple[str, ...], reason: str) -> EnvironmentProblem:
        return EnvironmentProblem(f"the secret {id}: {argv[0]}{reason}", hint="run the command by hand")
