"""What a matrix asks the registry: which keys are known, in few requests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import RegistryError
from pipeline.registry import Registry
from pipeline.state import known_keys as module
from pipeline.state.known_keys import known_keys
from tests.stages.fleet import make_fleet, plan, recorded

pytestmark = [pytest.mark.real, pytest.mark.anyio]


@pytest.mark.parametrize("few", [32, 0])
async def test_known_keys(
    olareg: str, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    fleet = await make_fleet(registry, plan(olareg), tmp_path)
    keys = {target.key or "" for target in fleet.context.plan.targets}
    monkeypatch.setattr(module, "_FEW", few)
    async with Registry() as client:
        requests = recorded(client)
        store = replace(fleet.context, registry=client).store()
        assert await known_keys(store, [*keys, "f" * 64]) == keys
        assert len(requests) == (3 if few else 1)

        async def refused(*_: object) -> None:
            raise RegistryError("no list of tags here")

        monkeypatch.setattr(client, "tags", refused)
        assert await known_keys(store, keys) == keys
    stranger = replace(
        fleet.context,
        plan=replace(fleet.context.plan, project=replace(fleet.context.plan.project, project="x")),
    )
    assert await known_keys(stranger.store(), keys) == frozenset()
