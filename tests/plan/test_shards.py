"""Shards: every target in exactly one, families together, the same everywhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.plan import Plan
from pipeline.plan.plan import Base
from pipeline.plan.shards import shard
from tests.catalogue.sample import plan


def a_plan(bases: dict[str, list[str]]) -> Plan:
    """A plan of targets with these ids and edges; a target comes after its bases."""
    made = plan({"images/a/image.yml": "tags: [1]\n", "images/a/Dockerfile.tmpl": "FROM scratch\n"})
    one = made.targets[0]
    targets = [
        replace(one, id=id, bases=tuple(Base("internal", base, 1, target_id=base) for base in on))
        for id, on in bases.items()
    ]
    return replace(made, targets=tuple(targets))


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Up to thirty targets, each based on some of those before it."""
    ids: list[str] = []
    out = {}
    for number in range(draw(st.integers(0, 30))):
        out[f"t{number}"] = draw(st.lists(st.sampled_from(ids), max_size=2, unique=True)) if ids else []
        ids.append(f"t{number}")
    return out


@given(graphs(), st.integers(1, 8))
def test_each_target_is_in_exactly_one(graph: dict[str, list[str]], count: int) -> None:
    made = a_plan(graph)
    parts = [shard(made, number, count) for number in range(1, count + 1)]
    assert sorted(id for part in parts for id in part) == sorted(graph)
    order = list(graph)
    assert all(list(part) == sorted(part, key=order.index) for part in parts)


@given(graphs(), st.integers(1, 3))
def test_families_are_cut_only_where_there_are_too_few(graph: dict[str, list[str]], count: int) -> None:
    doubled = graph | {f"u{id}": [f"u{on}" for on in bases] for id, bases in graph.items()}
    doubled |= {f"v{id}": [f"v{on}" for on in bases] for id, bases in graph.items()}
    made = a_plan(doubled)
    where = {id: number for number in range(1, count + 1) for id in shard(made, number, count)}
    assert all(where[on] == where[id] for id, bases in doubled.items() for on in bases)


def test_a_chain_stays_whole() -> None:
    made = a_plan({"a": [], "b": ["a"], "c": ["b"]})
    assert [shard(made, n, 3) for n in (1, 2, 3)] == [("a", "b", "c"), (), ()]


def test_what_shares_a_base_is_cut_behind_it() -> None:
    made = a_plan({"base": [], "x": ["base"], "y": ["base"], "x2": ["x"]})
    assert [shard(made, n, 2) for n in (1, 2)] == [("base", "x", "x2"), ("y",)]


@pytest.mark.parametrize(("number", "count"), [(0, 2), (3, 2), (1, 0)])
def test_impossible_numbers(number: int, count: int) -> None:
    with pytest.raises(ValueError, match="must be from"):
        shard(a_plan({"a": []}), number, count)
