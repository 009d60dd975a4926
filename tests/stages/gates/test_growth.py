"""Growth is measured against what an environment holds if a trusted key signed that, on a real registry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.model import Growth, SizeGate
from pipeline.registry import Registry
from pipeline.run.gates.judge import TargetJudge
from pipeline.run.gates.published import published_image
from pipeline.state.records import Records
from tests.registry import images
from tests.release.promotions import promoted, reference
from tests.stages.fleet import Fleet, make_fleet, plan

pytestmark = [pytest.mark.real, pytest.mark.anyio]


@pytest.fixture
async def fleet(host: str, registry: Registry, tmp_path: Path) -> Fleet:
    made = await make_fleet(registry, plan(host), tmp_path)
    assert not (await promoted(made)).fault
    return made


async def judged(fleet: Fleet, size: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Why an image of so many bytes is too large, and what is noted."""
    context, target = fleet.context, fleet.context.plan.targets[0]
    record = await Records(context.store(), context.plan.targets).find(target.key or "")
    assert record
    gates = replace(target.gates, size=SizeGate(growth=Growth(bytes=0)))
    evidence = replace(record.evidence, size=size)
    found = await TargetJudge(context).judge(target, record.digest, evidence, gates)
    [verdict] = [verdict for verdict in found.verdicts if verdict.gate == "size"]
    return verdict.reasons, verdict.notes


async def test_only_a_signed_image_sets_a_limit(fleet: Fleet, registry: Registry) -> None:
    published = await published_image(fleet.context, fleet.context.plan.targets[0])
    assert published and not published.unverified
    assert await judged(fleet, published.size) == ((), ())
    [reason], _ = await judged(fleet, published.size + 1)
    assert "1 more than" in reason

    tag = reference(fleet, "1.2.3")
    other = images.image("a stranger's", platforms=("linux/amd64",), layers=5)
    await images.push(registry, tag.repository, other, tag=tag.tag)
    reasons, [note] = await judged(fleet, published.size + 10_000_000)
    assert reasons == () and note.startswith(f"growth is not judged: {tag}: ") and "is not signed by" in note
