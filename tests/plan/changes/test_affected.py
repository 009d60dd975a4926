"""What a change touches: exactly what two whole plans differ in, and everything based on it."""

import pytest

from pipeline.catalogue import Source, SourceFile
from pipeline.config import Lock
from pipeline.model import Digest, Reference
from pipeline.plan import affected_by, affected_since, make_plan, restricted
from tests.catalogue.sample import PROJECT, folder, image, source

BASE = folder("base", image("[1.0.0]"))
APP = folder("app", image("[2.0.0]", template="FROM base:1\n"))
OTHER = folder("other", image("[3.0.0]"))
FILES = BASE | APP | OTHER


def before_of(old: Source, new: Source) -> dict[str, SourceFile | None]:
    """What version control would know: files and links that differ."""
    out = {}
    for path in {**old.files, **new.files}:
        was, now = old.get(path), new.get(path)
        if was != now and not (was and now and was.kind == now.kind == "dir"):
            was = None if was is None or was.kind == "dir" else was
            if was or (now and now.kind != "dir"):
                out[path] = was
    return out


def impact(old, new, project=PROJECT, old_project=None):
    """What is touched by going from one catalogue to another, by id."""
    was, now = source(old, old_project or project), source(new, project)
    return affected_since(make_plan(now), before_of(was, now))


def reasons(old, new, project=PROJECT, old_project=None):
    found = impact(old, new, project, old_project)
    return {a.id.removesuffix("/linux-amd64"): a.reasons for a in found.affected}


def lock_file(**digests):
    lock = Lock.of({Reference.parse(n.replace("_", ":")): Digest.of(d.encode()) for n, d in digests.items()})
    return lock.to_bytes()


CASES = {
    "a template, and its dependents": (
        {"base/Dockerfile.tmpl": "FROM debian:12\nRUN x\n"},
        {
            "base/1.0.0": ("images/base/Dockerfile.tmpl changed",),
            "app/2.0.0": ("is based on base/1.0.0/linux-amd64",),
        },
    ),
    "a comment in image.yml": ({"base/image.yml": "# new words\ntags: ['1.0.0']\n"}, {}),
    "a comment in a template is not a change": (
        {"base/Dockerfile.tmpl": "{# words #}FROM debian:12\n"},
        {},
    ),
    "a tag more: a new target, and an alias that moves": (
        {"base/image.yml": "tags: [1.0.0, 1.1.0]\n"},
        {
            "base/1.0.0": ("no longer bears 1",),
            "base/1.1.0": ("new",),
            "app/2.0.0": (
                "its base base:1 is now base/1.1.0/linux-amd64, was base/1.0.0/linux-amd64",
                "is based on base/1.1.0/linux-amd64",
            ),
        },
    ),
    "an alias more is the target's own": (
        {"base/image.yml": "tags: [{name: 1.0.0, aliases: [stable]}]\n"},
        {"base/1.0.0": ("bears stable now",)},
    ),
    "rootfs": (
        {"app/rootfs/etc/a": "1", "app/rootfs/etc/b": "2"},
        {"app/2.0.0": ("images/app/rootfs/etc/a is new", "images/app/rootfs/etc/b is new")},
    ),
    "a label": (
        {"app/image.yml": "tags: [2.0.0]\nlabels: {team: x}\n"},
        {"app/2.0.0": ("label.team is x now",)},
    ),
    "a gate": (
        {"app/image.yml": "tags: [2.0.0]\ngates: {size: {max: 1MB}}\n"},
        {"app/2.0.0": ("gate size is another",)},
    ),
    "a test": (
        {"app/test.yml.tpl": "schemaVersion: 2.0.0\nmetadataTest: {user: root}\n"},
        {"app/2.0.0": ("images/app/test.yml.tpl is new",)},
    ),
    "a version that no template names": ({"app/image.yml": "tags: [2.0.0]\nversions: {x: 1}\n"}, {}),
    "a file that nothing reads": ({"app/README.md": "words"}, {}),
    "an image more": (folder("more", image("[1.0.0]")), {"more/1.0.0": ("new",)}),
}


@pytest.mark.parametrize(("edit", "expected"), CASES.values(), ids=CASES.keys())
def test_what_a_change_touches_and_why(edit, expected):
    found = reasons(FILES, FILES | edit)
    assert found == expected


def test_values_are_named_with_what_they_were():
    files = folder(
        "a", image(more="versions: {v: '1'}\n", template="FROM debian:12\nENV V={{ versions.v }}\n")
    )
    assert reasons(files, files | {"a/image.yml": "tags: [1.0.0]\nversions: {v: '2'}\n"}) == {
        "a/1.0.0": ("versions.v is 2 now, was 1",)
    }


def test_a_shared_template_reaches_all_that_include_it_and_nothing_else():
    shared = {"_shared/apt.tmpl": "RUN a\n", "_shared/deep.tmpl": "{% include 'apt.tmpl' %}"}
    files = (
        shared
        | folder("a", image(template="FROM debian:12\n{% include '_shared/deep.tmpl' %}\n"))
        | folder(
            "b", image(template="FROM debian:12\n{% set n = '_shared/apt' %}{% include n ~ '.tmpl' %}\n")
        )
        | folder("c", image())
    )
    found = reasons(files, files | {"_shared/apt.tmpl": "RUN b\n"})
    assert found == dict.fromkeys(("a/1.0.0", "b/1.0.0"), ("images/_shared/apt.tmpl changed",))
    assert reasons(files, files | {"_shared/apt.tmpl": "RUN a{# why #}\n"}) == {}


def test_what_is_gone_is_told_and_not_planned():
    files = FILES | {"app/image.yml": "tags: [2.0.0, 2.1.0]\n"}
    found = impact(files, FILES)
    assert found.removed == ("app/2.1.0/linux-amd64",)
    assert [a.reasons for a in found.affected] == [("bears 2 now",)]
    assert impact(FILES, BASE | APP).removed == ("other/3.0.0/linux-amd64",)


def test_the_lock_moves_those_who_stand_on_it():
    files = {
        "base/Dockerfile.tmpl": "FROM debian:12\n",
        "other/Dockerfile.tmpl": "FROM ghcr.io/acme/tools:1\n",
    }
    old = source(FILES | files).files | {
        "lockage.lock": file_of(lock_file(debian_12="a", **{"ghcr.io/acme/tools_1": "t"}))
    }
    new = dict(old) | {"lockage.lock": file_of(lock_file(debian_12="b", **{"ghcr.io/acme/tools_1": "t"}))}
    was, now = Source.of(old), Source.of(new)
    found = affected_since(make_plan(now), before_of(was, now))
    assert {a.id: a.reasons for a in found.affected} == {
        "base/1.0.0/linux-amd64": ("docker.io/library/debian:12 is locked to another digest",),
        "app/2.0.0/linux-amd64": ("is based on base/1.0.0/linux-amd64",),
    }


def test_a_tool_s_digest_touches_everything():
    name = "docker.io/aquasec/trivy:0.74.0"
    files = source(FILES).files
    was = Source.of(
        {**files, "lockage.lock": file_of(Lock.of({Reference.parse(name): Digest.of(b"1")}).to_bytes())}
    )
    now = Source.of(
        {**files, "lockage.lock": file_of(Lock.of({Reference.parse(name): Digest.of(b"2")}).to_bytes())}
    )
    found = affected_since(make_plan(now), before_of(was, now)).affected
    assert [a.reasons[0] for a in found] == [f"{name} is locked to another digest (the tool trivy)"] * 3


def test_lockage_yml_by_what_it_says():
    assert reasons(FILES, FILES, PROJECT + "# words\n", PROJECT) == {}
    assert reasons(FILES, FILES, PROJECT.replace("debian:12", "debian:12, debian:13"), PROJECT) == {}
    assert set(reasons(FILES, FILES, PROJECT + "source: https://x\n", PROJECT)["other/3.0.0"]) == {
        "label.org.opencontainers.image.source is https://x now"
    }
    assert reasons(FILES, FILES, PROJECT + "builds: cache\n", PROJECT)["app/2.0.0"] == (
        "lockage.yml: builds changed",
        "is based on base/1.0.0/linux-amd64",
    )
    both = impact(FILES, FILES, PROJECT + "platforms: [linux/amd64, linux/arm64]\n", PROJECT)
    assert {a.id: a.reasons[0] for a in both.affected} == {
        f"{name}/linux-arm64": "new" for name in ("base/1.0.0", "app/2.0.0", "other/3.0.0")
    }


@pytest.mark.parametrize(
    "broken",
    [
        {"base/image.yml": "tags: [1.0.0\n"},
        {"base/image.yml": "tgas: [1.0.0]\n"},
        {"base/Dockerfile.tmpl": "FROM {{ nothing }}\n"},
        {"base/Dockerfile.tmpl": "FROM nowhere:1\n"},
    ],
)
def test_an_image_that_could_not_be_read_counts_byfile_of(broken):
    found = impact(FILES | broken, FILES)
    changed = f"images/{next(iter(broken))} changed"
    assert {a.id: a.reasons for a in found.affected} == {
        "base/1.0.0/linux-amd64": (changed,),
        "app/2.0.0/linux-amd64": ("is based on base/1.0.0/linux-amd64",),
    }
    [note] = found.notes
    assert "images/base/" in note
    assert note.endswith("counts by file")


def test_a_lockage_yml_that_could_not_be_read_touches_everything():
    found = impact(FILES, FILES, PROJECT, "version: 1\nproejct: demo\n")
    assert len(found.affected) == 3
    assert "lockage.yml changed, and what it said before cannot be read" in found.affected[0].reasons
    assert "lockage.yml as it was: lockage.yml:" in found.notes[0]


def test_before_there_was_a_catalogue_everything_is_new():
    now = source(FILES)
    found = affected_since(make_plan(now), {path: None for path, e in now.files.items() if e.kind == "file"})
    assert [a.reasons[0] for a in found.affected] == ["new"] * 3


def test_by_name_alone():
    plan = make_plan(
        source(FILES | {"app/rootfs/a": "1", "app/3/rootfs/b": ""} | {"app/3/image.yml": "tags: [3.0.0]\n"})
    )

    def by(*paths):
        return {a.id.removesuffix("/linux-amd64"): a.reasons[0] for a in affected_by(plan, paths).affected}

    assert by() == {}
    assert by("README.md", "images/app/README.md", "images/nobody/x") == {}
    assert by("images/base/Dockerfile.tmpl") == {
        "base/1.0.0": "images/base/Dockerfile.tmpl changed",
        "app/2.0.0": "is based on base/1.0.0/linux-amd64",
        "app/3.0.0": "is based on base/1.0.0/linux-amd64",
    }
    assert by("images/app/rootfs/gone") == {
        "app/2.0.0": "images/app/rootfs/gone is gone",
        "app/3.0.0": "images/app/rootfs/gone is gone",
    }
    assert by("images/app/3/rootfs/b") == {"app/3.0.0": "images/app/3/rootfs/b changed"}
    assert (
        set(by("lockage.yml"))
        == set(by("lockage.lock"))
        == {"base/1.0.0", "app/2.0.0", "app/3.0.0", "other/3.0.0"}
    )


def test_the_part_of_a_plan_brings_what_it_stands_on():
    plan = make_plan(source(FILES))
    assert [t.image for t in restricted(plan, ["app/2.0.0/linux-amd64"]).targets] == ["base", "app"]
    assert restricted(plan, []).targets == ()


def test_a_plan_with_a_snapshot_is_refused():
    with pytest.raises(ValueError, match="snapshot"):
        affected_since(make_plan(source(FILES), snapshot_id="x"), {})


def file_of(content: bytes) -> SourceFile:
    return Source.of({"x": content}).files["x"]
