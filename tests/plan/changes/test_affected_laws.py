"""Affected is what two whole plans differ in: random catalogues, random edits, the plans themselves as the judge."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.catalogue import Source, SourceFile
from pipeline.config import Lock, read_lock
from pipeline.model import Digest, Reference
from pipeline.plan import affected_by, affected_since, key_inputs, key_of, make_plan
from pipeline.plan.changes.reverted import reverted
from tests.catalogue.sample import source

from .test_affected import before_of, file_of, lock_file

SOME = st.sampled_from
TAGS = st.lists(SOME(["1.0.0", "1.1.0", "1.2.0"]), min_size=1, max_size=3, unique=True)
LINES = st.lists(
    SOME(
        [
            "RUN one",
            "ENV V={{ versions.v }}",
            "{% include '_shared/s.tmpl' %}",
            "{% include '_shared/' ~ 's.tmpl' %}",
            "{# a #}",
        ]
    ),
    max_size=2,
)
ROOTFS = st.dictionaries(
    SOME(["etc/a", "etc/b", "c"]),
    SOME(
        [
            SourceFile("file", 0o644, b"1"),
            SourceFile("file", 0o755, b"1"),
            SourceFile("file", 0o644, b"2"),
            SourceFile("link", 0o777, target="/x"),
        ]
    ),
    max_size=2,
)


@st.composite
def images(draw, name, below):
    """The files of one image, which may be based on those below it or on something from elsewhere."""
    base = draw(
        SOME(["debian:12", "debian:13", "${X:-debian:12}", *(f"{b}:{t}" for b in below for t in ("1", "1"))])
    )
    lines = ["ARG X", f"FROM {base}", *draw(LINES)]
    tags = draw(TAGS)
    version = draw(SOME(["1", "2"]))
    more = draw(
        SOME(
            [
                "",
                "# words\n",
                "labels: {l: x}\n",
                "args: {X: 'debian:13'}\n",
                "gates: {size: {max: 1kB}}\n",
                "title: T\n",
                "variants: [dev]\n",
                "rootfs_copy: false\n",
            ]
        )
    )
    out = {
        f"{name}/image.yml": f"tags: {tags}\nversions: {{v: '{version}'}}\n{more}",
        f"{name}/Dockerfile.tmpl": "\n".join(lines) + "\n",
        **{f"{name}/rootfs/{p}": e for p, e in draw(ROOTFS).items()},
    }
    if draw(st.booleans()):
        out[f"{name}/test.yml.tpl"] = draw(
            SOME(
                [
                    "schemaVersion: 2.0.0\nmetadataTest: {user: root}\n",
                    "schemaVersion: 2.0.0\nmetadataTest: {user: root}\n# {{ tag }}\n",
                ]
            )
        )
    if "variants" in more and draw(st.booleans()):
        out[f"{name}/Dockerfile.dev.tmpl"] = "FROM debian:13\nRUN dev\n"
    if draw(st.booleans()):
        out |= {f"{name}/{tags[0]}/rootfs/{p}": e for p, e in draw(ROOTFS).items()}
    return out


@st.composite
def catalogues(draw):
    """Two states of a catalogue that share most of what they have."""
    old, new = {}, {}
    for number, name in enumerate("abcd"):
        drawn = images(name, "abcd"[:number])
        one = draw(drawn)
        other = one if draw(st.integers(0, 2)) else draw(drawn)
        if number == 3 and draw(st.booleans()):
            one = {}
        old |= one
        new |= other
    for side in (old, new):
        side["_shared/s.tmpl"] = draw(SOME(["RUN s\n", "RUN s\n", "RUN t\n", "RUN s{# b #}\n"]))
    return old, new


PROJECTS = SOME(
    [
        "",
        "",
        "",
        "# words\n",
        "platforms: [linux/amd64, linux/arm64]\n",
        "source: https://x\n",
        "policy: {size: {max: 1MB}}\n",
        "builds: x\n",
        "args: {X: 'debian:13', Y: z}\n",
    ]
)
LOCKS = SOME(
    [
        lock_file(debian_12="a", debian_13="b"),
        lock_file(debian_12="a", debian_13="a"),
        lock_file(debian_12="c", debian_13="b"),
    ]
)
DEMO = "version: 1\nproject: demo\nbases: [debian:12, debian:13]\n"


def whole(files, project, lock):
    return Source.of(
        {**source(files, DEMO + project).files, **({"lockage.lock": file_of(lock)} if lock else {})}
    )


def keys(plan, lock):
    """Every target's key, with a lock of our own where the project has none."""
    lock = lock or Lock.of({Reference.parse(f"debian:{n}"): Digest.of(str(n).encode()) for n in (12, 13)})
    out = {}
    for t in plan.targets:
        bases = tuple(
            replace(
                b,
                reference=b.reference.repository.tagged(b.reference.tag).pinned(
                    lock.digest(b.reference.repository.tagged(b.reference.tag))
                ),
            )
            if b.reference
            else b
            for b in t.bases
        )
        out[t.id] = key_of(key_inputs(replace(t, bases=bases), out, builder=plan.builder))
    return out


def expected(old, new, lock_old, lock_new):
    """The oracle: what differs between two whole plans, and its dependents."""
    was, now = keys(old, lock_old), keys(new, lock_new)
    deep, named = set(), set()
    everywhere = old.project.builds != new.project.builds
    for target in new.targets:
        before = old.by_id.get(target.id)
        if (
            everywhere
            or before is None
            or was[target.id] != now[target.id]
            or (before.test, before.gates) != (target.test, target.gates)
            or deep.intersection(target.internal_bases)
        ):
            deep.add(target.id)
        elif set(before.tags) != set(target.tags):
            named.add(target.id)
    return deep | named


@settings(max_examples=settings.default.max_examples * 3 // 2)
@given(catalogues(), PROJECTS, PROJECTS, LOCKS, LOCKS, st.integers(0, 3))
def test_it_is_what_whole_plans_differ_in(states, project, old_project, lock, old_lock, same):
    if same:
        old_project = project
    if same > 1:
        old_lock = lock
    if same > 2:
        lock = old_lock = None
    was, now = whole(states[0], old_project, old_lock), whole(states[1], project, lock)
    locks = [_lock_of(old_lock), _lock_of(lock)]
    before = before_of(was, now)
    old, new = make_plan(was, lock=locks[0]), make_plan(now, lock=locks[1])
    found = affected_since(new, before)
    assert not found.notes
    assert {a.id for a in found.affected} == expected(old, new, *locks)
    assert set(found.removed) == set(old.by_id) - set(new.by_id)
    assert all(a.reasons for a in found.affected)
    assert {a.id for a in found.affected} <= {a.id for a in affected_by(new, before).affected}
    assert reverted(now, before).files == was.files


def _lock_of(content):
    return read_lock(content) if content else None
