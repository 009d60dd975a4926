"""Ends a client at any of its writes: nothing that comes later reaches the registry, as after `kill -9`."""

from __future__ import annotations

from typing import Any

from pipeline.registry import Registry
from pipeline.registry.http.messages import Request, Response


class Cut(BaseException):
    """The end: no error that the program handles."""


def cut_at_write(registry: Registry, number: int) -> None:
    """From its n-th request that writes (from 1) a client sends no request at all."""
    transport: Any = registry._transport
    send, stream = transport.send, transport.stream
    left = number

    async def counted(request: Request) -> Response:
        nonlocal left
        left -= not request.reads
        if left <= 0:
            raise Cut
        answer: Response = await send(request)
        return answer

    def refused(request: Request) -> Any:
        if left <= 0:
            raise Cut
        return stream(request)

    transport.send, transport.stream = counted, refused
