"""What a build reads and writes of the caches in lockage.yml, as buildctl's options; and what it reports of them."""

from __future__ import annotations

import csv
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import CacheEntry
from pipeline.engine.buildkit.cache import CacheEvent, Caches, caches, hosts, name_of, ports, usable
from pipeline.engine.buildkit.report import read_report
from pipeline.model import Platform, valid_tag

AMD64 = Platform("linux", "amd64")
MAIN = CacheEvent(branch="main")
PULL = CacheEvent(branch="", pull_request=True)


def entry(type: str, export: str = "branch", **attributes: str) -> Any:
    """An entry of `cache:`."""
    return CacheEntry(type, attributes, "max", "zstd", export)


REGISTRY = entry("registry", ref="localhost:5000/team/cache")
PLACE = {"bucket": "b", "region": "r", "use_path_style": "true"}
S3 = entry("s3", **PLACE, prefix="p", endpoint_url="http://127.0.0.1:9000")
LOCAL = entry("local", path="build/cache")
GHA = entry("gha", scope="lockage")


def of(entry: CacheEntry, event: CacheEvent = MAIN) -> Caches:
    return caches([entry], event, "python", "3.11", AMD64)


def read(option: str) -> dict[str, str]:
    [fields] = csv.reader([option], strict=True)
    return dict(field.split("=", 1) for field in fields)


NAME = name_of("python", "3.11", AMD64)
FEATURE = name_of("python", "3.11", AMD64, "feature/x")


@pytest.mark.parametrize(
    ("cache", "both", "export"),
    [
        (REGISTRY, {"ref": f"localhost:5000/team/cache:{NAME}"}, {"compression": "zstd"}),
        (
            S3,
            {
                **PLACE,
                "prefix": "p/",
                "endpoint_url": "http://localhost:9000",
                "name": NAME,
            },
            {},
        ),
        (GHA, {"scope": f"lockage-{NAME}"}, {}),
        (entry("gha"), {"scope": NAME}, {}),
    ],
)
def test_each_type_has_its_options(cache: CacheEntry, both: dict[str, str], export: dict[str, str]) -> None:
    found = of(cache)
    assert [read(o) for o in found.imports] == [{"type": cache.type} | both]
    how = {"mode": "max", "ignore-error": "true"}
    assert [read(o) for o in found.exports] == [{"type": cache.type} | both | how | export]
    assert not found.folders


def test_a_local_cache_is_a_folder_of_the_client() -> None:
    found = of(LOCAL, CacheEvent(branch="feature/x"))
    own, main = found.folders
    assert (own.source, own.written) == (f"build/cache/{FEATURE}", True)
    assert (main.source, main.written) == (f"build/cache/{NAME}", False)
    assert [read(o)["src"] for o in found.imports] == [own.path, main.path]
    assert [(read(o)["dest"], read(o)["reset"]) for o in found.exports] == [(own.path, "true")]


@pytest.mark.parametrize(
    ("event", "reads", "branch", "always"),
    [
        (CacheEvent(branch="main"), [NAME], NAME, NAME),
        (CacheEvent(branch="master"), [NAME], NAME, NAME),
        (CacheEvent(branch="trunk", main="trunk"), [NAME], NAME, NAME),
        (CacheEvent(branch="main", main="trunk"), None, ..., ...),
        (CacheEvent(branch="feature/x"), [FEATURE, NAME], FEATURE, FEATURE),
        (CacheEvent(branch="main", exact=False), [NAME], None, NAME),
        (CacheEvent(), [NAME], None, NAME),  # a git tag, or a commit without a branch
        (PULL, [NAME], None, None),
        (CacheEvent(branch="main", pull_request=True), [NAME], None, None),
    ],
)
def test_who_reads_and_writes_what(
    event: CacheEvent, reads: list[str] | None, branch: object, always: object
) -> None:
    def names(options: tuple[str, ...]) -> list[str]:
        return [read(option)["scope"] for option in options]

    if reads is None:  # a branch that is called like the main line elsewhere
        reads = [name_of("python", "3.11", AMD64, event.branch), NAME]
        branch = always = reads[0]
    expected = {"never": None, "branch": branch, "always": always}
    for export, written in expected.items():
        found = of(entry("gha", export), event)
        assert names(found.imports) == reads
        assert names(found.exports) == ([written] if written else [])


@given(st.lists(st.text(max_size=200), min_size=2, max_size=2), st.text("-._a/Ä ", max_size=300))
def test_a_name_is_a_tag(names: list[str], scope: str) -> None:
    assert valid_tag(name_of(*names, AMD64, scope))


def test_no_two_caches_share_a_name() -> None:
    """Also where what is readable of them is the same: `a-b:c` and `a:b-c`, or a branch called like a platform."""
    images = [("a-b", "c"), ("a", "b-c"), ("a", "1"), ("a", "1-linux-amd64-x"), ("a" * 300, "1")]
    scopes = ["", "x", "x/y", "x-y", "x-linux-amd64", "pr-1", "a" * 300, "a" * 301]
    platforms = [AMD64, Platform("linux", "arm", "v7")]
    found = [name_of(i, t, p, s) for (i, t), p, s in itertools.product(images, platforms, scopes)]
    assert len(set(found)) == len(found)
    assert found[0].startswith("a-b-c-linux-amd64-")


def test_values_with_commas_and_quotes_stay_one_value() -> None:
    odd = PLACE | {"bucket": 'b,mode=max"', "prefix": "a,b"}
    expected = {"type": "s3", **odd, "prefix": "a,b/", "name": NAME}
    assert read(of(entry("s3", **odd)).imports[0]) == expected


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        ("http://localhost:9000", {9000}),
        ("http://127.0.0.1:9000/", {9000}),
        ("https://localhost", {443}),
        ("http://localhost/", {80}),
        ("https://s3.example.org:9000", set()),
        ("http://localhost.example.org:9000", set()),
        ("http://localhost:99999999", set()),
        ("", set()),
    ],
)
def test_ports_of_this_machine_that_the_daemon_has_to_reach(endpoint: str, port: set[int]) -> None:
    assert ports([REGISTRY, LOCAL, entry("s3", **PLACE, endpoint_url=endpoint)]) == port


def test_registries_that_caches_are_in() -> None:
    assert hosts([REGISTRY, S3, LOCAL, GHA]) == {"localhost:5000"}
    assert ports([REGISTRY, S3, LOCAL, GHA, entry("s3", **PLACE)]) == {9000}


def test_the_cache_of_github_is_used_where_github_is() -> None:
    """buildctl refuses to build at all where its address and its token are missing."""
    here = {"ACTIONS_RESULTS_URL": "https://x", "ACTIONS_RUNTIME_TOKEN": "t"}
    assert [bool(why) for _, why in usable([GHA, S3], here)] == [False, False]
    assert [bool(why) for _, why in usable([GHA, S3], {"ACTIONS_RUNTIME_TOKEN": "t"})] == [True, False]
    assert [bool(why) for _, why in usable([GHA, S3], {})] == [True, False]


def progress(*vertices: dict[str, object]) -> str:
    step = {"completed": "2026-01-01T00:00:00Z"}
    return "\n".join(
        json.dumps({"vertexes": [{"digest": f"sha256:{n}"} | step | vertex]})
        for n, vertex in enumerate(vertices)
    )


IMPORT = "importing cache manifest from localhost:5000/c:x"
EXPORT = "exporting cache to registry"


@pytest.mark.parametrize(
    ("name", "error", "warned"),
    [
        (IMPORT, "", False),
        (IMPORT, "failed to configure registry cache importer: localhost:5000/c:x: not found", False),
        (IMPORT, "failed to configure registry cache importer: 401 Unauthorized", True),
        (EXPORT, "error writing layer blob: connection refused", True),
        (EXPORT, "localhost:5000/c: not found", True),
        (EXPORT, "context canceled", False),
    ],
)
def test_a_cache_that_fails_is_a_warning_and_no_step(name: str, error: str, warned: bool) -> None:
    text = progress({"name": "[1/2] FROM a", "cached": True}, {"name": name, "error": error})
    report = read_report(text, failed=False)
    assert (report.ran, report.cached) == (0, 1)
    assert [w.message for w in report.warnings] == ([f"{name}: {error}"] if warned else [])


def test_a_cache_that_nobody_wrote_is_not_why_a_build_failed() -> None:
    text = progress(
        {"name": IMPORT, "error": "not found"},
        {"name": "[2/2] RUN false", "error": "exit code: 1"},
    )
    failure = read_report(text + "\nerror: failed to solve: exit code: 1\n", failed=True).failure
    assert failure is not None and failure.step == "[2/2] RUN false"
