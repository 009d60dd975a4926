"""A build whose daemon does not start: which fault is reported, whichever comes first."""

from __future__ import annotations

from typing import Any, cast

import anyio
import pytest

from pipeline.engine.buildkit import client
from pipeline.engine.buildkit.client import build
from pipeline.errors import EnvironmentProblem


class _Daemon:
    """What `build` asks of a daemon, with a start that ends when the test says so."""

    def __init__(self, fault: EnvironmentProblem | None) -> None:
        self.fault, self.may_end = fault, anyio.Event()

    async def start(self) -> None:
        await self.may_end.wait()
        if self.fault:
            raise self.fault

    async def wait_until_hung(self) -> None:
        await anyio.sleep_forever()

    async def progress(self) -> dict[str, str]:
        return {}


@pytest.mark.parametrize("first", ["start", "client"])
@pytest.mark.parametrize("starts", [True, False])
def test_the_fault_of_the_start_counts_before_that_of_its_client(
    first: str, starts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, gone = EnvironmentProblem("no image", hint=""), EnvironmentProblem("no answer", hint="")

    async def run() -> EnvironmentProblem:
        daemon, begun = _Daemon(None if starts else refused), anyio.Event()

        async def fail(*_: object) -> None:
            begun.set()
            if first == "start":
                daemon.may_end.set()
                await anyio.wait_all_tasks_blocked()
            raise gone

        async def end() -> None:
            await begun.wait()
            await anyio.wait_all_tasks_blocked()
            daemon.may_end.set()

        monkeypatch.setattr(client, "_build", fail)
        async with anyio.create_task_group() as group:
            group.start_soon(end)
            with pytest.raises(EnvironmentProblem) as raised:
                await build(cast(Any, daemon), cast(Any, None))
        return raised.value

    assert anyio.run(run) is (gone if starts else refused)
