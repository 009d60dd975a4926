"""Engines, each started only when a step needs it: one for everything, or one for each platform.

What drives an engine is imported with its session.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import anyio

from pipeline.model import Platform
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    import dagger

    from pipeline.engine.buildkit import Daemon, DaemonConfig
    from pipeline.engine.session import Connection


class LazyEngine:
    """One session for a whole run, opened by the first step that needs it. Use as `async with`.

    `wake` starts the engine if necessary and gives its connection; it is called at most once. `own` is the engine's
    platform where that is known without a session, `name` what messages call it. `registry` is the embedded registry
    if anything but this program's session provides it. `on_builder` is called with BuildKit's image before it
    starts.
    """

    def __init__(
        self,
        wake: Callable[[], Awaitable[Connection]],
        *,
        own: Platform | None = None,
        name: str = "the engine",
        registry: dagger.Service | None = None,
        on_builder: Callable[[str], None] | None = None,
    ) -> None:
        self._wake, self._registry, self._on_builder = wake, registry, on_builder
        self.own, self.name = own, name
        self._runs: dict[Platform, bool] = {}
        self._stack = AsyncExitStack()
        self._lock = anyio.Lock()
        self._client: dagger.Client | None = None
        self._version = ""
        self._forwards: Mapping[int, str] = {}
        self._builder: Daemon | None = None

    async def __aenter__(self) -> LazyEngine:
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._stack.aclose()

    @property
    def awake(self) -> bool:
        """Whether a session was opened."""
        return self._client is not None

    async def client(self) -> dagger.Client:
        """The session's client. Raises EnvironmentProblem when there is no engine."""
        from pipeline.engine.session import connect

        async with self._lock:
            if self._client is None:
                connection = await self._wake()
                self._forwards = connection.forwards
                self._client = await self._stack.enter_async_context(connect(connection))
            return self._client

    async def platform(self) -> Platform:
        """The platform of the engine's machine; queried at most once."""
        client = None if self.own else await self.client()
        async with self._lock:
            if self.own is None and client is not None:
                from pipeline.engine import platforms

                self.own = await platforms.default_platform(client)
        assert self.own
        return self.own

    async def version(self) -> str:
        """The engine's version; queried at most once."""
        client = await self.client()
        async with self._lock:
            self._version = self._version or await client.version()
        return self._version

    async def runs(self, platform: Platform, scratch: Path) -> bool:
        """Whether the engine runs programs for a platform, its own or by an emulator. Each is tried once in a session;
        the program is written to `scratch`."""
        if platform == await self.platform():
            return True
        if platform not in self._runs:
            from pipeline.engine import platforms

            client = await self.client()
            platforms.write_program(scratch, platform)
            self._runs[platform] = await platforms.runs(client, await self.folder(scratch), platform)
        return self._runs[platform]

    def builder(self, client: dagger.Client, config: DaemonConfig) -> Daemon:
        """BuildKit on this engine, with the session's client: one daemon for a session, which builds start."""
        if self._builder is None:
            from pipeline.engine.buildkit import Daemon

            self._builder = Daemon(client, config, self._registry, self._forwards)
            if self._on_builder:
                self._on_builder(config.image.familiar)
        return self._builder

    async def folder(self, path: Path, *, exclude: Sequence[str] = ()) -> dagger.Directory:
        """A folder of this machine as the engine's directory, without what patterns exclude."""
        return (await self.client()).host().directory(str(path), exclude=list(exclude))


@dataclass(frozen=True, slots=True)
class Engines:
    """The default engine, and those named for single platforms."""

    default: LazyEngine
    by_platform: Mapping[Platform, LazyEngine] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, platform: Platform) -> LazyEngine:
        """The engine that builds and examines the targets of a platform."""
        return self.by_platform.get(platform, self.default)

    @property
    def awake(self) -> bool:
        """Whether any has a session."""
        return any(engine.awake for engine in (self.default, *self.by_platform.values()))


class GivenEngine(LazyEngine):
    """The client inside a Dagger function. It reads only folders below the function's working directory."""

    def __init__(
        self,
        client: dagger.Client,
        workdir: Path,
        registry: dagger.Service | None = None,
        forwards: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(self._never, registry=registry)
        self._client, self._workdir, self._forwards = client, workdir, forwards

    async def folder(self, path: Path, *, exclude: Sequence[str] = ()) -> dagger.Directory:
        """A folder below the working directory. Raises ValueError for any other."""
        relative = path.relative_to(self._workdir)
        return (await self.client()).current_module().workdir(relative.as_posix(), exclude=list(exclude))

    async def _never(self) -> Connection:
        raise AssertionError("the client of a Dagger function needs no connection")
