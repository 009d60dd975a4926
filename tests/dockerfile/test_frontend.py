"""`# syntax=`: a frontend is pinned like a base, is part of the key, and is no part of the image."""

import json

import pytest

from pipeline.config import Lock
from pipeline.model import Digest, Reference
from pipeline.plan import explain_target, graph_of, inputs_of, key_difference, make_plan
from pipeline.plan.cache.encoding import dump, load
from pipeline.plan.changes.affected import affected_since
from pipeline.run.lock import wanted
from tests.catalogue.sample import LOCK, PROJECT, folder, image, plan, problems, source
from tests.plan.changes.test_affected import before_of, file_of

FRONTEND = Reference.parse("docker/dockerfile:1")
PINNED = FRONTEND.pinned(Digest.of(b"frontend"))
LOCKED = Lock.of({**LOCK.images, FRONTEND: Digest.of(b"frontend")})
MOVED = Lock.of({**LOCK.images, FRONTEND: Digest.of(b"newer")})


def app(head="# syntax=docker/dockerfile:1\n", **more):
    return folder("app", image(template=f"{head}FROM debian:12\n", **more))


def target(files=None, project=PROJECT, **options):
    return plan(files or app(), project, **options).targets[0]


def test_it_is_pinned_like_a_base():
    assert target().syntax == FRONTEND
    assert FRONTEND in plan(app(), lock=LOCK).unlocked
    assert FRONTEND in wanted(plan(app(), lock=LOCK))
    assert target(lock=LOCK).key is None
    found = target(lock=LOCKED)
    assert found.syntax == PINNED
    assert PINNED in found.external_bases
    assert target(app("")).syntax is None


def test_its_digest_is_in_the_key():
    old, new = (plan(app(), lock=lock) for lock in (LOCKED, MOVED))
    inputs = [inputs_of(p, "app/1.0.0/linux-amd64") for p in (old, new)]
    assert inputs[0]["syntax"] == f"docker.io/docker/dockerfile@{PINNED.digest}"
    assert old.targets[0].key != new.targets[0].key
    [difference] = key_difference(*inputs)
    assert difference.startswith("syntax is docker.io/docker/dockerfile@")
    assert inputs_of(plan(app(""), lock=LOCK), "app/1.0.0/linux-amd64")["syntax"] is None


def test_a_digest_that_is_written_holds():
    found = target(app(f"# syntax=docker/dockerfile:1@{PINNED.digest}\n"), lock=LOCK)
    assert found.syntax == PINNED
    assert found.key


@pytest.mark.parametrize(
    "name", ["docker/dockerfile", "docker.io/docker/dockerfile:1.7-labs", "docker/dockerfile:latest"]
)
def test_the_usual_one_needs_no_entry(name):
    assert target(app(f"# syntax={name}\n")).syntax == Reference.parse(
        name if ":" in name else f"{name}:latest"
    )


def test_every_other_one_is_listed_in_bases():
    files = app("# check=error=true\n# syntax=quay.io/other/reader:1\n")
    assert problems(files) == [
        "images/app/Dockerfile.tmpl:2:1: syntax: unknown frontend quay.io/other/reader:1 (app:1.0.0)"
        " (add quay.io/other/reader:1 to bases: in lockage.yml)"
    ]
    listed = PROJECT.replace("bases: [", "bases: ['quay.io/other/reader:1', ")
    assert str(target(files, listed).syntax) == "quay.io/other/reader:1"
    [problem] = problems(app("# syntax=No/Name\n"))
    assert problem.startswith("images/app/Dockerfile.tmpl:1:1: syntax: not a repository path")


def test_a_lock_that_moves_affects_what_it_reads():
    files = app() | folder("other", image())
    before, now = (source(files) for _ in range(2))
    states = [
        type(s).of({**s.files, "lockage.lock": file_of(lock.to_bytes())})
        for s, lock in ((before, LOCKED), (now, MOVED))
    ]
    found = affected_since(make_plan(states[1], lock=MOVED), before_of(*states))
    assert [(a.id, a.reasons) for a in found.affected] == [
        ("app/1.0.0/linux-amd64", ("docker.io/docker/dockerfile:1 is locked to another digest",))
    ]


def test_it_is_shown_and_is_no_base():
    made = plan(app(), lock=LOCKED)
    assert graph_of(made).external == ("debian:12",)
    assert json.loads(made.to_json())["targets"][0]["syntax"] == str(PINNED)
    assert load(dump(made), made.source) == made
    [row] = [e for e in explain_target(made, "app/1.0.0/linux-amd64") if e.key == "syntax"]
    assert (row.value, str(row.location)) == (str(PINNED), "images/app/Dockerfile.tmpl:1:1")
    assert row.why == "pinned in lockage.lock as docker.io/docker/dockerfile:1"
