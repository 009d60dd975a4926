"""The jobs of a matrix: every target that is to be built in one job, chains together, the same ids everywhere."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ci.matrix import Matrix
from pipeline.ci.matrix_formats import AMD64, FORMATS
from pipeline.model import Platform
from pipeline.plan import Plan, select
from pipeline.plan.shards import shard
from tests.catalogue.sample import plan

_PROJECT = "version: 1\nproject: demo\nplatforms: [linux/amd64, linux/arm64, linux/s390x]\n"
_FILES = {
    "base/image.yml": "tags: [1.0.0]\n",
    "base/Dockerfile.tmpl": "FROM scratch\n",
    "one/image.yml": "tags: [1.0.0, 2.0.0]\n",
    "one/Dockerfile.tmpl": "FROM base:1.0.0\n",
    "top/image.yml": "tags: [1.0.0]\n",
    "top/Dockerfile.tmpl": "FROM one:2.0.0\n",
    "alone/image.yml": "tags: [3.1.0-rc.1]\nplatforms: [linux/amd64]\n",
    "alone/Dockerfile.tmpl": "FROM scratch\n",
}
GITHUB = FORMATS["github"]
RUNNERS = GITHUB.runners({})


@pytest.fixture(scope="module")
def made() -> Plan:
    return plan(_FILES, _PROJECT)


def _amd64(made: Plan, *, but: str = "") -> set[str]:
    return {t.id for t in made.targets if t.platform == AMD64 and t.id != but}


def test_a_chain_is_one_job_and_a_known_base_joins_nobody(made: Plan) -> None:
    whole = Matrix.of(made, _amd64(made), RUNNERS, 256)
    assert [(job.id, job.name, job.arguments) for job in whole.jobs] == [
        ("alone+3.1.0-rc.1+linux-amd64", "alone:3.1.0-rc.1 (linux/amd64)", ("--only", "alone/3.1.0-rc.1/linux-amd64")),
        (
            "base+1.0.0+linux-amd64",
            "base:1.0.0 and 3 more (linux/amd64)",
            ("--only", "one/1.0.0/linux-amd64", "--only", "top/1.0.0/linux-amd64"),
        ),
    ]  # fmt: skip
    known = Matrix.of(made, _amd64(made, but="base/1.0.0/linux-amd64"), RUNNERS, 256)
    assert [job.id for job in known.jobs] == [
        "alone+3.1.0-rc.1+linux-amd64",
        "one+1.0.0+linux-amd64",
        "one+2.0.0+linux-amd64",
    ]


def test_each_platform_has_its_runner_and_the_rest_is_emulated(made: Plan) -> None:
    jobs = {job.platform.architecture: job for job in Matrix.of(made, _all(made), RUNNERS, 256).jobs}
    assert {name: (job.runner.label, job.runner.emulates) for name, job in jobs.items()} == {
        "amd64": ("ubuntu-24.04", False),
        "arm64": ("ubuntu-24.04-arm", False),
        "s390x": ("ubuntu-24.04", True),
    }
    assert jobs["s390x"].to_json()["args"].endswith(" --emulate")
    mine = GITHUB.runners({Platform.parse("linux/s390x"): "mainframe"})
    labels = [job.to_json()["runner"] for job in Matrix.of(made, _all(made), mine, 256).jobs]
    assert "mainframe" in labels


def _all(made: Plan) -> set[str]:
    return {target.id for target in made.targets}


@given(st.data())
def test_every_target_is_built_by_one_job(made: Plan, data: st.DataObject) -> None:
    """What a job's own arguments select on another machine, of what is to be done, is in no other job."""
    todo = data.draw(st.sets(st.sampled_from(sorted(_all(made)))))
    jobs = Matrix.of(made, todo, RUNNERS, 256).jobs
    assert len({job.id for job in jobs}) == len(jobs)
    selected = [
        {t.id for t in select(made, [word for word in job.arguments if word != "--only"]).targets} & todo
        for job in jobs
    ]
    assert sorted(id for ids in selected for id in ids) == sorted(todo)


@pytest.mark.parametrize("limit", [3, 4, 5, 6, 7, 8])
def test_beyond_the_limit_there_are_shards(made: Plan, limit: int) -> None:
    jobs = Matrix.of(
        made, _all(made) - {"base/1.0.0/linux-amd64"}, RUNNERS, limit, ("--affected", "main")
    ).jobs
    assert len(jobs) <= limit and len({job.id for job in jobs}) == len(jobs)
    built: list[str] = []
    for job in jobs:
        if "--shard" not in job.arguments:
            return
        assert job.arguments[:2] == ("--affected", "main")
        part, _, count = job.arguments[-1].partition("/")
        of_platform = replace(made, targets=tuple(t for t in made.targets if t.platform == job.platform))
        built += shard(of_platform, int(part), int(count))
    assert sorted(built) == sorted(_all(made))


def test_fewer_jobs_than_platforms_are_refused(made: Plan) -> None:
    with pytest.raises(ValueError, match="3 platforms need more than 2 jobs"):
        Matrix.of(made, _all(made), RUNNERS, 2)


def test_what_providers_read(made: Plan) -> None:
    matrix = Matrix.of(made, _amd64(made), RUNNERS, 256)
    lines = dict(line.split("=", 1) for line in GITHUB.render(matrix).splitlines())
    (alone, chain), jobs = json.loads(lines["matrix"])["include"], lines["jobs"]
    assert jobs == "2" and set(alone) == {"id", "name", "platform", "runner", "args"}
    assert shlex.split(chain["args"]) == list(matrix.jobs[1].arguments)
    assert (
        json.loads(FORMATS["jenkins"].render(matrix))
        == json.loads(FORMATS["json"].render(matrix))
        == [alone, chain]
    )
    pipeline = json.loads(FORMATS["gitlab"].render(matrix))
    assert pipeline.pop("stages") == ["build", "summary"] and pipeline.pop("variables") == {
        "LOCKAGE_JOBS": "2"
    }
    assert list(pipeline) == [alone["id"], chain["id"]] and pipeline[alone["id"]]["tags"] == ["ubuntu-24.04"]
    paths = [tuple(pipeline[job["id"]]["artifacts"]["paths"]) for job in (alone, chain)]
    assert len(set(paths)) == 2  # the job that merges them gets both


def test_an_empty_matrix_ends_green() -> None:
    assert GITHUB.render(Matrix()) == 'matrix={"include":[]}\njobs=0\n'
    assert json.loads(FORMATS["json"].render(Matrix())) == []
    pipeline = json.loads(FORMATS["gitlab"].render(Matrix()))
    assert pipeline["nothing-to-build"]["script"] == ["echo everything is in the registry"]
