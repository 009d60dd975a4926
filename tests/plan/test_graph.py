"""FROM as a graph: internal by name, external by declaration, mistakes with a suggestion, order, cycles."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.plan import graph_formats as render
from pipeline.plan import graph_of
from pipeline.plan.graph import order
from tests.catalogue.sample import DIGEST, LOCK, PROJECT, folder, image, plan, problems


def on(name, tag="1.0.0"):
    return image(f"[{tag}]", template=f"FROM {name}\n")


def stands_on(files, identity, project=PROJECT, **options):
    target = plan(files, project, **options).by_id[identity]
    return [b.target_id or str(b.reference) for b in target.bases]


def test_internal_by_tag_and_by_alias():
    files = (
        folder("base", image("[1.0.0, 1.1.0]")) | folder("a", on("base:1.0.0")) | folder("b", on("base:1"))
    )
    assert stands_on(files, "a/1.0.0/linux-amd64") == ["base/1.0.0/linux-amd64"]
    assert stands_on(files, "b/1.0.0/linux-amd64") == ["base/1.1.0/linux-amd64"]


def test_latest_is_a_tag_like_any_other():
    files = folder("base", image("[{name: 1.0.0, aliases: [latest]}]")) | folder("a", on("base"))
    assert stands_on(files, "a/1.0.0/linux-amd64") == ["base/1.0.0/linux-amd64"]


def test_external_in_any_spelling_and_pinned_by_the_lock():
    for name in (
        "debian:12",
        "docker.io/library/debian:12",
        "index.docker.io/library/debian:12",
        "library/debian:12",
    ):
        assert stands_on(folder("a", on(name)), "a/1.0.0/linux-amd64") == ["docker.io/library/debian:12"]
    assert stands_on(folder("a", on("debian:12")), "a/1.0.0/linux-amd64", lock=LOCK) == [
        f"docker.io/library/debian:12@{DIGEST}"
    ]


def test_a_full_name_is_never_internal():
    files = folder("debian", image(template="FROM docker.io/library/debian:12\n"))
    assert stands_on(files, "debian/1.0.0/linux-amd64") == ["docker.io/library/debian:12"]


def test_a_digest_that_the_dockerfile_writes_counts():
    name = f"debian:12@{DIGEST}"
    assert stands_on(folder("a", on(name)), "a/1.0.0/linux-amd64") == [
        f"docker.io/library/debian:12@{DIGEST}"
    ]


BASE = folder("base", image("[2025.09]"))

UNKNOWN = [
    (
        on("bsae:2025.09"),
        "unknown base bsae:2025.09 (a:1.0.0) (did you mean base:2025.09? or add docker.io/library/",
    ),
    (
        on("base:2025.10"),
        "unknown base base:2025.10: the catalogue's base has no tag 2025.10 (a:1.0.0) (did you mean",
    ),
    (
        on("base"),
        "unknown base base: the catalogue's base has no tag latest (a:1.0.0) (known: base:2025.09)",
    ),
    (
        on("debian:13"),
        "unknown base debian:13 (a:1.0.0) (did you mean debian:12? or add docker.io/library/debian:13",
    ),
    (
        on("ghcr.io/acme/tols:1"),
        "unknown base ghcr.io/acme/tols:1 (a:1.0.0) (did you mean ghcr.io/acme/tools:1?",
    ),
    (
        on("quay.io/x/y:9"),
        "unknown base quay.io/x/y:9 (a:1.0.0) (add quay.io/x/y:9 to bases: in lockage.yml)",
    ),
    (on(f"base@{DIGEST}"), "base is an image of this catalogue and is named by tag, not by digest (a:1.0.0)"),
    (on("Base:1"), "not a repository path: 'library/Base'"),
    (on("--platform=$BUILDPLATFORM base:2025.09"), "base:2025.09 is made here, and a plan does not know"),
    (
        on("--platform=linux/arm64 base:2025.09"),
        "base:2025.09 is not made for linux/arm64 (a:1.0.0) (it is made for",
    ),
    (
        image(template="FROM debian:12\n\nCOPY --from=bas:1 / /\n"),
        "unknown base bas:1 (a:1.0.0) (did you mean base:20",
    ),
]


@pytest.mark.parametrize(("files", "expected"), UNKNOWN)
def test_unknown_bases(files, expected):
    [found] = problems(BASE | folder("a", files))
    assert expected in found
    assert found.startswith("images/a/Dockerfile.tmpl:")


def test_the_line_is_the_templates():
    files = BASE | folder("a", image(template="# one\n# two\nFROM nope:1\n"))
    assert problems(files)[0].startswith("images/a/Dockerfile.tmpl:3:1: FROM: unknown base nope:1")


def test_cycles_are_named():
    files = folder("a", on("b:1.0.0")) | folder("b", on("c:1.0.0")) | folder("c", on("a:1.0.0"))
    assert problems(files) == [
        "images/c/Dockerfile.tmpl:1:1: FROM: cycle: a:1.0.0 → b:1.0.0 → c:1.0.0 → a:1.0.0"
        " (base one of them on another image)"
    ]
    assert "cycle: a:1.0.0 → a:1.0.0" in problems(folder("a", on("a:1.0.0")))[0]


def test_platforms_stand_on_their_own():
    project = PROJECT + "platforms: [linux/amd64, linux/arm64]\n"
    files = BASE | folder("a", on("base:2025.09"))
    assert stands_on(files, "a/1.0.0/linux-arm64", project) == ["base/2025.09/linux-arm64"]
    pinned = BASE | folder("a", on("--platform=linux/amd64 base:2025.09"))
    assert stands_on(pinned, "a/1.0.0/linux-arm64", project) == ["base/2025.09/linux-amd64"]


def test_one_name_on_two_platforms_is_two_bases():
    text = "FROM --platform=linux/amd64 base:2025.09 AS tools\nFROM base:2025.09\nCOPY --from=tools /a /a\n"
    project = PROJECT + "platforms: [linux/amd64, linux/arm64]\n"
    target = plan(BASE | folder("a", image(template=text)), project).by_id["a/1.0.0/linux-arm64"]
    assert target.internal_bases == ("base/2025.09/linux-amd64", "base/2025.09/linux-arm64")
    found = target.dockerfile_on({"base/2025.09/linux-amd64": "x@1", "base/2025.09/linux-arm64": "x@2"})
    assert found.splitlines()[:2] == ["FROM --platform=linux/amd64 x@1 AS tools", "FROM x@2"]


def test_bases_come_before_what_stands_on_them():
    files = (
        folder("z", image()) | folder("a", on("m:1.0.0")) | folder("m", on("z:1.0.0")) | folder("b", image())
    )
    assert [t.image for t in plan(files).targets] == ["b", "z", "m", "a"]


EDGES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20)


@given(EDGES, st.randoms())
def test_order_holds_every_edge_and_does_not_depend_on_how_edges_are_listed(pairs, random):
    nodes = [f"n{i}" for i in range(8)]
    bases = {n: tuple(f"n{b}" for a, b in pairs if f"n{a}" == n and a > b) for n in nodes}
    done, cycles = order(bases)
    assert not cycles
    assert sorted(done) == nodes
    for node, below in bases.items():
        assert all(done.index(b) < done.index(node) for b in below)
    shuffled = {n: tuple(random.sample(b, len(b))) for n, b in bases.items()}
    assert order(shuffled) == (done, ())


@given(EDGES)
def test_what_has_no_order_has_a_cycle_that_is_really_there(pairs):
    nodes = [f"n{i}" for i in range(8)]
    bases = {n: tuple(f"n{b}" for a, b in pairs if f"n{a}" == n) for n in nodes}
    done, cycles = order(bases)
    assert bool(cycles) == (len(done) < len(nodes))
    for cycle in cycles:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle[:-1])) == len(cycle) - 1
        for node, base in pairwise(cycle):
            assert base in bases[node]


DIAMOND = (
    folder("base", image())
    | folder("l", on("base:1.0.0"))
    | folder("r", on("base:1.0.0"))
    | folder("top", image(template="FROM l:1.0.0\nCOPY --from=r:1.0.0 / /\n"))
    | folder("leaf", on("top:1.0.0"))
)


def test_the_graph_as_text():
    assert render.text(graph_of(plan(DIAMOND))) == (
        "debian:12 (external)\n"
        "└── base:1.0.0\n"
        "    ├── l:1.0.0\n"
        "    │   └── top:1.0.0\n"
        "    │       └── leaf:1.0.0\n"
        "    └── r:1.0.0\n"
        "        └── top:1.0.0 (above)\n"
    )


def test_the_graph_for_tools():
    graph = graph_of(plan(DIAMOND))
    assert json.loads(render.json(graph)) == {
        "nodes": ["base:1.0.0", "l:1.0.0", "r:1.0.0", "top:1.0.0", "leaf:1.0.0"],
        "external": ["debian:12"],
        "edges": [
            {"from": "base:1.0.0", "to": "debian:12"},
            {"from": "l:1.0.0", "to": "base:1.0.0"},
            {"from": "leaf:1.0.0", "to": "top:1.0.0"},
            {"from": "r:1.0.0", "to": "base:1.0.0"},
            {"from": "top:1.0.0", "to": "l:1.0.0"},
            {"from": "top:1.0.0", "to": "r:1.0.0"},
        ],
    }
    assert '"base:1.0.0" -> "l:1.0.0";' in render.dot(graph)
    assert 'n0(["debian:12"])' in render.mermaid(graph)
    assert "n0 --> n1" in render.mermaid(graph)
