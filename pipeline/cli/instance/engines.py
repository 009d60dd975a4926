"""Engines of a run: this instance's own, and those that options or the environment name for single platforms."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.model import Platform
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.run import Engines

    from .session import InstanceSession

_VARIABLE = "LOCKAGE_ENGINES"
_HINT = "linux/arm64=tcp://host:1234, or unix:///path/engine.sock, kube-pod://…, docker-container://…"


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """The engine that builds for a platform, by its address (a URL)."""

    platform: Platform
    address: str


@asynccontextmanager
async def open_engines(chosen: tuple[EngineAddress, ...], session: InstanceSession) -> AsyncIterator[Engines]:
    """The engines, none of them started; each has one session, closed at the end.

    Without chosen ones LOCKAGE_ENGINES names them. Raises UsageError.
    """
    from pipeline.run import Engines, LazyEngine

    named = chosen or parse_engines((os.environ.get(_VARIABLE) or "").split(","))
    async with AsyncExitStack() as stack:
        own = LazyEngine(
            partial(session.connect, None),
            own=session.platform,
            name="the engine of this instance",
            on_builder=session.note_builder,
        )
        default = await stack.enter_async_context(own)
        engines = {
            address: await stack.enter_async_context(
                LazyEngine(partial(session.connect, address), name=address)
            )
            for address in dict.fromkeys(engine.address for engine in named)
        }
        by_platform = {engine.platform: engines[engine.address] for engine in named}
        if session.platform in by_platform:  # then nothing else needs an engine of this machine's own
            default = by_platform[session.platform]
        yield Engines(default, by_platform)


def parse_engines(texts: Iterable[str]) -> tuple[EngineAddress, ...]:
    """Read PLATFORM=ADDRESS each, empty ones left out. Raises UsageError."""
    engines: dict[Platform, EngineAddress] = {}
    for text in filter(None, (text.strip() for text in texts)):
        name, equals, address = text.partition("=")
        try:
            platform = Platform.parse(name)
        except ValueError as error:
            raise UsageError(f"--engine {text}: {error}", hint=_HINT) from None
        if not equals or "://" not in address:
            raise UsageError(f"--engine {text} has no address of an engine", hint=_HINT)
        if platform in engines:
            raise UsageError(f"--engine names two engines for {platform}", hint=_HINT)
        engines[platform] = EngineAddress(platform, address)
    return tuple(engines.values())
