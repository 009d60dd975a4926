"""What others wait for is built first, and nothing before its bases."""

from __future__ import annotations

from pathlib import Path

from pipeline.catalogue import read_source
from pipeline.plan import plan_of
from pipeline.run.priority import most_dependents_first

ROOT = Path(__file__).resolve().parents[2]


def test_the_longest_chain_comes_first_and_what_could_start_early_last() -> None:
    """base carries two levels, each python one, everything else none; the variants are ready after curl and nginx."""
    targets = plan_of(read_source(ROOT)).targets
    found = [target.id.removesuffix("/linux-amd64") for target in most_dependents_first(targets)]
    assert found == [
        "base/2026.11",
        "python/3.11.2",
        "python/3.9.16",
        "python/3.11.2-dev",
        "python/3.9.16-dev",
        "curl/7.88.1",
        "nginx/1.22.1",
    ]
    assert [target.id for target in targets] != found


def test_a_part_of_the_plan_is_ordered_as_well() -> None:
    """A base that another run builds is not among the targets, and is no reason to fail."""
    targets = [target for target in plan_of(read_source(ROOT)).targets if target.image != "base"]
    ordered = most_dependents_first(targets)
    assert len(ordered) == len(targets) and {t.id for t in ordered} == {t.id for t in targets}
    assert [t.tag for t in ordered][:2] == ["3.11.2", "3.9.16"]
