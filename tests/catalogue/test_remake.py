"""A plan made of the latest one is the plan that is made of everything, or none at all."""

import os

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from pipeline.catalogue import Source, make_plan, plan_of
from pipeline.catalogue.kept import _FEW
from pipeline.catalogue.remake import reached, remake
from pipeline.catalogue.store import dump, fingerprint
from pipeline.errors import ConfigError

from .sample import LOCK, folder, image, source
from .test_affected_exactly import catalogues, whole

FILES = (
    folder("base", image("[1.0.0, 1.1.0]", "versions: {v: '1'}\n"))
    | folder("app", image("[2.0.0]", "variants: [dev]\n", "FROM base:1\n{% include '_shared/a' %}"))
    | folder("top", image("[3.0.0]", template="FROM app:2-dev\n"))
    | folder("tool", {"image.yml": "tags: [{name: 1.0.0, external: 'ghcr.io/acme/tools:1'}]\n"})
    | folder("other", image())
    | {"_shared/a": "RUN a\n", "base/rootfs/etc/x": "x", "app/test.yml.tpl": "# {{ tag }}\n"}
)


def again(old: Source, new: Source, **options):
    """What is made of the plan of the old source: None, or a plan that has been compared with the whole one."""
    options = {"lock": LOCK} | options
    before = make_plan(old, **options)
    prints = [fingerprint(s, **options) for s in (old, new)]
    assert prints[0].rest == prints[1].rest
    differing = prints[1].differing(prints[0].folders)
    found = None if differing is None else remake(before, new, differing, **options)
    if found is not None:
        expected = make_plan(new, **options)
        assert found == expected
        assert found.to_json() == expected.to_json()
        assert dump(found) == dump(expected)
    return found


QUICK = [
    {},
    {"base/Dockerfile.tmpl": "FROM debian:12\nUSER 1\n"},
    {"base/Dockerfile.tmpl": "FROM ghcr.io/acme/tools:1\n"},
    {"base/rootfs/etc/x": "y"},
    {"base/rootfs/etc/y": "y"},
    {"base/image.yml": "tags: [1.0.0, 1.1.0]\nlabels: {a: b}\n"},
    {"app/image.yml": "tags: [2.0.0]\nvariants: [dev]\ngates: {secrets: warn}\n"},
    {"app/test.yml.tpl": "# other\n"},
    {"_shared/a": "RUN b\n"},
    {"_shared/unused": "x"},
    {"top/Dockerfile.tmpl": "FROM app:2\n"},
    {"top/Dockerfile.tmpl": "FROM debian:12\nCOPY --from=base:1.0 / /\n"},
    {"other/Dockerfile.tmpl": "FROM top:3\n"},
    {"base/Dockerfile.tmpl": "FROM debian:12\n# {{ versions.v }}\n", "top/rootfs/x": "x"},
]


@pytest.mark.parametrize("edit", QUICK)
def test_most_edits_take_a_part(edit):
    assert again(source(FILES), source(FILES | edit)) is not None


WHOLE = [
    {"base/image.yml": "tags: [1.0.0]\nversions: {v: '1'}\n"},
    {"base/image.yml": "tags: [1.0.0, 1.2.0]\n"},
    {"base/image.yml": "tags: [1.0.0, {name: 1.1.0, aliases: [x]}]\n"},
    {"base/image.yml": "tags: [1.0.0, 1.1.0]\naliases: false\n", "app/Dockerfile.tmpl": "FROM base:1.0.0\n"},
    {"base/image.yml": "tags: [1.0.0, 1.1.0]\nplatforms: [linux/amd64, linux/arm64]\n"},
    {"other/image.yml": "name: base\ntags: [1.0.0]\n"},
    {"other/image.yml": "name: another\ntags: [1.0.0]\n"},
    {"new/image.yml": "tags: [1.0.0]\n", "new/Dockerfile.tmpl": "FROM debian:12\n"},
    {"other/image.yml": "tags: []\n"},
    {"other/image.yml": "tgas: []\n"},
    {"other/Dockerfile.tmpl": "{{ gone }}"},
    {"other/Dockerfile.tmpl": "FROM gone:1\n"},
    {"base/Dockerfile.tmpl": "FROM top:3\n"},  # a cycle
    {
        "tool/image.yml": "tags: [{name: 1.0.0, external: 'ghcr.io/acme/tools:2'}]\n"
    },  # nothing says whose it was
    {"_shared/a": "{{ gone }}"},
    {"other/1.0.1/rootfs/x": "stray"},
]


@pytest.mark.parametrize("edit", WHOLE)
def test_what_reaches_other_images_or_is_wrong_takes_the_whole_plan(edit):
    assert again(source(FILES), source(FILES | edit)) is None


def test_an_image_without_files_that_tell_its_folder_may_not_vanish():
    version = folder("tool/1", {"image.yml": "tags: [{name: 1.0.0, external: 'ghcr.io/acme/tools:1'}]\n"})
    files = folder("other", image()) | version
    assert again(source(files), source(files | {"tool/1/image.yml": "name: tool\n"})) is None


def test_who_reads_what():
    files = FILES | {
        "top/Dockerfile.tmpl": "FROM app:2-dev\n{% include 'app/' ~ 'x' %}",
        "other/Dockerfile.tmpl": "{% include 'app/part' %}",
        "app/part": "",
    }
    assert reached(source(files), ["_shared"]) == {"_shared", "app", "other", "top"}
    assert reached(source(files), ["base"]) == {"base", "top"}
    assert reached(source(FILES), ["tool"]) == {"tool"}


@settings(max_examples=150)
@given(catalogues(), st.integers(0, 3))
def test_it_is_the_whole_plan_after_any_edit(states, lock):
    old, new = (whole(files, "", None) for files in states)
    try:
        found = again(old, new, lock=LOCK if lock else None)
    except ConfigError:
        return
    event(f"a part: {found is not None}")


def test_the_latest_plan_is_taken_and_what_was_made_of_it_is_not_kept(tmp_path):
    many = {f"{name}/{path}": text for name in "klmnopq" for path, text in image().items()}
    first, second = source(FILES | many), source(FILES | many | {"other/rootfs/x": "1"})
    assert 1 / len({p.split("/")[0] for p in FILES | many}) < _FEW
    plan_of(first, cache=tmp_path, lock=LOCK)
    [kept] = tmp_path.iterdir()
    assert plan_of(second, cache=tmp_path, lock=LOCK) == make_plan(second, lock=LOCK)
    assert list(tmp_path.iterdir()) == [kept]
    third = source(FILES | many | {"base/image.yml": "tags: [1.0.0]\n"})
    assert plan_of(third, cache=tmp_path, lock=LOCK) == make_plan(third, lock=LOCK)
    assert len(list(tmp_path.iterdir())) == 2
    os.utime(kept, ns=(1, 1))
    assert plan_of(second, cache=tmp_path, lock=LOCK) == make_plan(second, lock=LOCK)
    for path in tmp_path.iterdir():
        path.write_bytes(b"{}")
    assert plan_of(second, cache=tmp_path, lock=LOCK) == make_plan(second, lock=LOCK)
