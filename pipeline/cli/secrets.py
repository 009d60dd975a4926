"""Secrets of builds from this machine: a variable, a file, a command's output, an SSH agent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from pipeline.errors import EnvironmentProblem, UsageError

if TYPE_CHECKING:
    import dagger

    from pipeline.config.values import SecretSource, SshSource

_LARGEST = 512_000  # bytes: BuildKit takes no more (session/secrets)
_COMMAND_LIMIT = 60.0  # seconds
_KEPT = ("PATH", "HOME", "USER", "LANG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK")


class HostSecrets:
    """Values are read when a build needs them, and handed to the engine as secrets; none is kept here."""

    def __init__(self, environ: Mapping[str, str], root: Path) -> None:
        self._environ, self._root = environ, root

    async def secret(self, client: dagger.Client, id: str, source: SecretSource) -> dagger.Secret | None:
        """The secret with this id, None where its variable or file is not there."""
        if isinstance(source.value, tuple):
            return client.set_secret(f"lockage-{id}", await self._output(id, source.value))
        if source.kind == "env":
            return client.secret(f"env://{source.value}") if source.value in self._environ else None
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

    def _file(self, id: str, text: str) -> Path | None:
        path = Path(self._environ.get("HOME", "/")) / text[2:] if text.startswith("~/") else self._root / text
        path = path.absolute()
        if not path.exists():
            return None
        if not path.is_file() or path.stat().st_size > _LARGEST:
            raise UsageError(
                f"the secret {id}: {text} is no file of at most {_LARGEST} bytes",
                hint="name another in lockage.yml",
            )
        return path

    async def _output(self, id: str, argv: tuple[str, ...]) -> str:
        """What a command prints, without the newline at its end. Neither output nor errors are quoted anywhere."""
        environ = {name: self._environ[name] for name in _KEPT if name in self._environ}
        try:
            with anyio.fail_after(_COMMAND_LIMIT):
                done = await anyio.run_process(argv, check=False, env=environ, cwd=self._root, stderr=-3)
        except (OSError, TimeoutError) as fault:
            why = "no answer within 60 s" if isinstance(fault, TimeoutError) else str(fault.strerror)
            raise EnvironmentProblem(
                f"the secret {id}: {argv[0]}: {why}", hint="run the command by hand"
            ) from None
        if done.returncode != 0 or len(done.stdout) > _LARGEST:
            what = f"exited with {done.returncode}" if done.returncode else "printed too much"
            raise EnvironmentProblem(f"the secret {id}: {argv[0]} {what}", hint="run the command by hand")
        try:
            return done.stdout.decode().removesuffix("\n")
        except UnicodeDecodeError:
            raise EnvironmentProblem(
                f"the secret {id}: what {argv[0]} prints is not text", hint="let it print base64"
            ) from None
