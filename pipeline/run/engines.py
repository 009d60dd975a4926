"""The engine, woken only when a step needs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from pipeline.engine.session import Connection, connect

if TYPE_CHECKING:
    import dagger


class LazyEngine:
    """One session for a whole run, opened by the first who asks. Use as `async with`.

    `wake` starts the engine where that is needed and says how to reach it; it is called at most once.
    """

    def __init__(self, wake: Callable[[], Awaitable[Connection]]) -> None:
        self._wake = wake
        self._stack = AsyncExitStack()
        self._lock = anyio.Lock()
        self._client: dagger.Client | None = None

    async def __aenter__(self) -> LazyEngine:
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._stack.aclose()

    @property
    def awake(self) -> bool:
        """Whether anybody asked."""
        return self._client is not None

    async def client(self) -> dagger.Client:
        """The session's client; raises EnvironmentProblem when there is no engine to be had."""
        async with self._lock:
            if self._client is None:
                self._client = await self._stack.enter_async_context(connect(await self._wake()))
            return self._client

    async def folder(self, path: Path) -> dagger.Directory:
        """A folder of this machine as the engine's directory."""
        return (await self.client()).host().directory(str(path))


class GivenEngine(LazyEngine):
    """A client that is there already: inside a Dagger function. Only folders of its workdir can be given."""

    def __init__(self, client: dagger.Client, workdir: Path) -> None:
        super().__init__(self._never)
        self._client = client
        self._workdir = workdir

    async def folder(self, path: Path) -> dagger.Directory:
        """A folder below the function's working directory; raises ValueError for any other."""
        relative = path.relative_to(self._workdir)
        return (await self.client()).current_module().workdir(relative.as_posix())

    async def _never(self) -> Connection:
        raise AssertionError("a given client needs no connection")
