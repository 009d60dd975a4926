"""Engines of a run: the usual one, and those that options or the environment name for single platforms."""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from pipeline.errors import UsageError
from pipeline.model import Platform
from pipeline.run import Engines, LazyEngine

from .instance_session import InstanceSession

VARIABLE = "LOCKAGE_ENGINES"
_HINT = "linux/arm64=tcp://host:1234, or unix:///path/engine.sock, kube-pod://…, docker-container://…"


@asynccontextmanager
async def engines(options: argparse.Namespace, place: InstanceSession) -> AsyncIterator[Engines]:
    """The engines, asleep; each is one session, closed at the end.

    Raises UsageError for what is no PLATFORM=ADDRESS.
    """
    named = parse(options.engine or (os.environ.get(VARIABLE) or "").split(","))
    async with AsyncExitStack() as stack:
        own = LazyEngine(
            partial(place.wake, ""),
            own=place.own,
            name="the engine of this instance",
            on_builder=place.note_builder,
        )
        usual = await stack.enter_async_context(own)
        sessions = {
            address: await stack.enter_async_context(LazyEngine(partial(place.wake, address), name=address))
            for address in dict.fromkeys(named.values())
        }
        by_platform = {platform: sessions[address] for platform, address in named.items()}
        if place.own in by_platform:  # then nothing else needs an engine of this machine's own
            usual = by_platform[place.own]
        yield Engines(usual, by_platform)


def parse(texts: list[str]) -> dict[Platform, str]:
    """`PLATFORM=ADDRESS` each, empty ones left out; raises UsageError."""
    out: dict[Platform, str] = {}
    for text in filter(None, (text.strip() for text in texts)):
        name, equals, address = text.partition("=")
        try:
            platform = Platform.parse(name)
        except ValueError as fault:
            raise UsageError(f"--engine {text}: {fault}", hint=_HINT) from None
        if not equals or "://" not in address:
            raise UsageError(f"--engine {text} names no address of an engine", hint=_HINT)
        if platform in out:
            raise UsageError(f"--engine names two engines for {platform}", hint=_HINT)
        out[platform] = address
    return out
