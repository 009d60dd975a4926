"""The plan and its order do not depend on how files are found, on hashing, locale or place; cycles are real."""

import json
import os
import random as random_module
import shutil
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalogue import read_source
from pipeline.errors import ConfigError
from pipeline.plan import graph_of, make_plan, plan_of
from pipeline.plan.graph import order
from tests.catalogue.sample import LOCK, PROJECT, ROOT, folder, image, plan, source
from tests.plan.output import golden

COUNT = 7
EDGES = st.sets(st.tuples(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1)), max_size=14)


def catalogue(pairs):
    """Images n0, n1, … each based on debian and on those that the pairs name."""
    files = {}
    for number in range(COUNT):
        bases = [f"COPY --from=n{b}:1.0.0 / /\n" for a, b in sorted(pairs) if a == number]
        files |= folder(f"n{number}", image(template="FROM debian:12\n" + "".join(bases)))
    return files


def below(pairs):
    """The bases of each number, direct or not."""
    reach = {n: {b for a, b in pairs if a == n} for n in range(COUNT)}
    for _ in range(COUNT):
        reach = {n: bases.union(*(reach[b] for b in bases)) for n, bases in reach.items()}
    return reach


def shuffled(files, random):
    items = list(files.items())
    random.shuffle(items)
    return dict(items)


@given(EDGES, st.randoms(use_true_random=False))
def test_the_order_of_a_plan_holds_and_is_always_the_same(pairs, random):
    files = catalogue({(a, b) for a, b in pairs if a > b})
    made = plan(files, lock=LOCK)
    ids = [t.id for t in made.targets]
    assert sorted(ids) == sorted(f"n{n}/1.0.0/linux-amd64" for n in range(COUNT))
    for target in made.targets:
        assert all(ids.index(base) < ids.index(target.id) for base in target.internal_bases)
    again = plan(shuffled(files, random), lock=LOCK)
    assert again.to_json() == made.to_json()
    assert [graph_of(again).bases_of(n) for n in graph_of(made).nodes] == [
        graph_of(made).bases_of(n) for n in graph_of(made).nodes
    ]


@given(EDGES, st.randoms(use_true_random=False))
def test_a_cycle_is_always_found_and_always_a_cycle(pairs, random):
    loops = {n for n, reached in below(pairs).items() if n in reached}
    files = catalogue(pairs)
    if not loops:
        assert len(plan(files).targets) == COUNT
        return
    with pytest.raises(ConfigError) as caught:
        plan(files)
    for problem in caught.value.problems:
        chain = problem.message.removeprefix("cycle: ").split(" → ")
        assert chain[0] == chain[-1]
        numbers = [int(name[1:].partition(":")[0]) for name in chain]
        assert set(numbers) <= loops
        assert len(set(numbers)) == len(numbers) - 1
        for node, base in pairwise(numbers):
            assert (node, base) in pairs
        template = files[f"n{numbers[-2]}/Dockerfile.tmpl"].splitlines()
        assert f"n{numbers[-1]}:" in template[problem.line - 1]
    with pytest.raises(ConfigError) as again:
        plan(shuffled(files, random))
    assert again.value.problems == caught.value.problems


@given(EDGES)
def test_what_has_no_place_in_the_order_stands_on_a_cycle(pairs):
    reach = below(pairs)
    loops = {n for n in reach if n in reach[n]}
    stuck = {n for n in reach if n in loops or reach[n] & loops}
    done, cycles = order({str(n): tuple(str(b) for a, b in sorted(pairs) if a == n) for n in range(COUNT)})
    assert {int(n) for n in done} == set(range(COUNT)) - stuck
    assert bool(cycles) is bool(stuck)


MANY = (
    folder("base", image("[2025.09, 2025.10]", "version_strategy: calver\nlabels: {b: 1, a: 2}\n"))
    | folder("python/3", image("[3.13.7, 3.13.6]", "variants: [dev, web]\n", "FROM base:2025\nRUN x\n"))
    | folder("app", image("[1.0.0]", template="FROM python:3-dev\nCOPY --from=ghcr.io/acme/tools:1 /a /a\n"))
    | {
        "python/rootfs/etc/x": "x",
        "python/rootfs/etc/.env": "",
        "python/3/test.yml.tpl": "schemaVersion: 2.0.0\nmetadataTest: {user: root}\n# {{ tag }}\n",
    }
)
PLATFORMS = ["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/s390x"]


@given(st.permutations(PLATFORMS), st.randoms(use_true_random=False))
def test_platforms_in_another_order_give_the_same_bytes(platforms, random):
    def made(files, order):
        return plan(files, PROJECT + f"platforms: [{', '.join(order)}]\n", lock=LOCK).to_json()

    assert made(shuffled(MANY, random), platforms) == made(MANY, PLATFORMS)


PATTERNS = ["base", "python:3", "app", "*-web"]


@given(st.permutations(PATTERNS))
def test_what_is_asked_for_in_another_order_gives_the_same_bytes(patterns):
    assert plan(MANY, lock=LOCK, only=patterns).to_json() == plan(MANY, lock=LOCK, only=PATTERNS).to_json()


def test_a_part_of_the_plan_says_the_same_of_every_target():
    whole = json.loads(plan(MANY, lock=LOCK).to_json())["targets"]
    by_id = {t["id"]: t for t in whole}
    for identity in by_id:
        part = json.loads(plan(MANY, lock=LOCK, only=[identity]).to_json())["targets"]
        assert part == [by_id[t["id"]] for t in part]
        assert identity in {t["id"] for t in part}
        assert [t["id"] for t in part] == [t["id"] for t in whole if t in part]


def test_a_kept_plan_is_the_same_bytes(tmp_path):
    made = make_plan(source(MANY), lock=LOCK).to_json()
    assert [plan_of(source(MANY), cache=tmp_path, lock=LOCK).to_json() for _ in range(3)] == [made] * 3


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """The examples on a disk."""
    return golden.on_disk("examples", tmp_path_factory.mktemp("examples") / "repo")


def printed(root, cache, **environ):
    """The bytes of `lockage plan --json`, made from nothing."""
    command = [sys.executable, "-m", "pipeline.cli", "-C", str(root), "plan", "--json"]
    given = {**os.environ, "PYTHONPATH": str(ROOT), "LOCKAGE_CACHE": str(cache), **environ}
    return subprocess.run(command, env=given, capture_output=True, check=True).stdout


@pytest.mark.real  # runs the program
def test_hashing_locale_and_time_zone_change_no_byte(examples, tmp_path):
    found = printed(examples, tmp_path / "first", PYTHONHASHSEED="0")
    assert json.loads(found)["format_version"] == 1
    for number, environ in enumerate(
        [
            {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Pacific/Kiritimati", "COLUMNS": "40"},
            {"PYTHONHASHSEED": "4294967295", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "PYTHONOPTIMIZE": "1"},
        ]
    ):
        assert printed(examples, tmp_path / str(number), **environ) == found
        assert printed(examples, tmp_path / str(number), **environ) == found  # kept


@pytest.mark.real  # runs the program
def test_the_place_and_the_order_on_the_disk_change_no_byte(examples, tmp_path):
    elsewhere = tmp_path / "another place"
    paths = sorted(examples.rglob("*"))
    random_module.Random(1).shuffle(paths)
    for path in paths:
        copy = elsewhere / path.relative_to(examples)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            copy.symlink_to(path.readlink())
        elif path.is_dir():
            copy.mkdir(exist_ok=True)
        else:
            shutil.copyfile(path, copy)
            os.utime(copy, (0, 0))
    for path in paths:
        if not path.is_symlink():
            (elsewhere / path.relative_to(examples)).chmod(path.stat().st_mode & 0o7777)
    assert printed(elsewhere, tmp_path / "cache") == printed(examples, tmp_path / "cache")
    assert make_plan(read_source(elsewhere)).to_json() == make_plan(read_source(examples)).to_json()
