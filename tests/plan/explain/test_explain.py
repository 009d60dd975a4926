"""Why a value is what it is: the place that says it, what it overrides, which level won a path, why a key moved."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.catalogue import SourceFile
from pipeline.errors import UsageError
from pipeline.plan import (
    explain_rootfs,
    explain_target,
    input_digests,
    inputs_of,
    key_of,
    make_plan,
)
from pipeline.plan.explain.levels import Location
from tests.catalogue.sample import DIGEST, LOCK, PROJECT, folder, image, source
from tests.plan.changes.test_affected_laws import catalogues, whole

PROJECT_YML = PROJECT + "source: https://x\npolicy:\n  secrets: warn\n  size: {max: 1MB}\n  loosen: [size]\n"
TOP = """\
title: Python
versions: {base: 2025.09, python: none}
variables: {user: app, packages: [a]}
labels: {team: x}
variants:
  - dev
  - {name: web, suffix: _w, template: Other.tmpl, rootfs_user: "5:5"}
gates: {size: {max: 2MB}}
"""
VERSION = """\
tags:
  - 3.11.1
  - name: 3.11.2
    aliases: [stable]
    versions: {python: 3.11.2}
    labels: {org.opencontainers.image.title: Mine}
versions:
  base: 2026.11
"""
FILES = {
    "python/image.yml": TOP,
    "python/3.11/image.yml": VERSION,
    "python/Dockerfile.tmpl": "# words\nFROM debian:12\nCOPY --from=base:1 /a /a\n",
    "python/Dockerfile.dev.tmpl": "FROM python:{{ base_tag }}\n",
    "python/3.11/Other.tmpl": "FROM debian:12\n",
    "python/Other.tmpl": "FROM debian:12\n",
    "python/rootfs/etc/a": "1",
    "python/3.11/rootfs/etc/a": "two",
    "python/rootfs/etc/deep/x": "",
    "python/3.11/rootfs/etc/deep": SourceFile("link", target="/else"),
    **folder("base", image("[1.0.0]")),
}
PLAN = make_plan(source(FILES, PROJECT_YML), lock=LOCK)


def explained(tag, plan=PLAN, **options):
    found = explain_target(plan, f"python/{tag}/linux-amd64", **options)
    return {one.key: one for one in found}


def origins(one):
    """`value at place`, for a value and for those that it overrides."""
    return [f"{one.value} at {one.location}", *(f"{o.value} at {o.location}" for o in one.overrides)]


TABLE = {
    "id": ["python/3.11.2-dev/linux-amd64 at images/python/3.11/image.yml:3:5"],
    "image": ["python at images/python"],
    "tag": ["3.11.2-dev at images/python/3.11/image.yml:3:5"],
    "variant": ["dev at images/python/image.yml:6:5"],
    "suffix": ["-dev at default"],
    "tags.stable-dev": ["stable-dev at images/python/3.11/image.yml:4:15"],
    "tags.3.11-dev": ["3.11-dev at images/python/3.11/image.yml:3:5"],
    "platform": ["linux/amd64 at default"],
    "template": ["images/python/Dockerfile.dev.tmpl at images/python/Dockerfile.dev.tmpl:1:1"],
    "versions.base": [
        "2026.11 at images/python/3.11/image.yml:8:9",
        "2025.09 at images/python/image.yml:2:18",
    ],
    "versions.python": [
        "3.11.2 at images/python/3.11/image.yml:5:24",
        "none at images/python/image.yml:2:35",
    ],
    "variables.packages": ["['a'] at images/python/image.yml:3:34"],
    "labels.team": ["x at images/python/image.yml:4:16"],
    "labels.org.opencontainers.image.title": [
        "Mine at images/python/3.11/image.yml:6:46",
        "Python at images/python/image.yml:1:8",
    ],
    "labels.org.opencontainers.image.source": ["https://x at lockage.yml:4:9"],
    "rootfs_user": ["0:0 at default"],
    "bases.python:3.11.2": ["python/3.11.2/linux-amd64 at images/python/Dockerfile.dev.tmpl:1:1"],
    "gates.secrets": ["warn at lockage.yml:6:12"],
    "gates.size.max": ["2000000 at images/python/image.yml:8:21", "1000000 at lockage.yml:7:15"],
    "gates.vulnerabilities.fail_on": ["['CRITICAL', 'HIGH'] at default"],
}


@pytest.mark.parametrize("key", TABLE)
def test_where_a_value_is_said(key):
    assert origins(explained("3.11.2-dev")[key]) == TABLE[key]


def test_a_rule_is_said_in_words():
    found = explained("3.11.2-dev")
    assert found["tags.3.11-dev"].why == "automatic: the highest of 3.11.1, 3.11.2 by semver"
    assert found["tags.stable-dev"].why == "a listed alias"
    assert found["template"].why == "found by name, for the variant dev"
    assert found["bases.python:3.11.2"].why == "the tag 3.11.2 of the image python"
    assert "3 of images/python/3.11/rootfs/;" in found["rootfs"].why


def test_a_template_that_a_variant_names_and_where_else_it_is():
    found = explained("3.11.2_w")
    assert origins(found["template"]) == [
        "images/python/3.11/Other.tmpl at images/python/image.yml:7:39",
        "images/python/Other.tmpl at images/python/Other.tmpl",
    ]
    assert origins(found["suffix"]) == ["_w at images/python/image.yml:7:25"]
    assert origins(found["rootfs_user"]) == ["5:5 at images/python/image.yml:7:64"]


def test_bases_with_the_template_s_line_and_the_lock():
    found = explained("3.11.2", lock="site.lock")
    base = found["bases.debian:12"]
    assert origins(base) == [f"docker.io/library/debian:12@{DIGEST} at images/python/Dockerfile.tmpl:2:1"]
    assert base.why == "pinned in site.lock as docker.io/library/debian:12"
    other = found["bases.base:1"]
    assert origins(other) == ["base/1.0.0/linux-amd64 at images/python/Dockerfile.tmpl:3:1"]
    assert other.why == "1 is an alias of base:1.0.0"
    unlocked = explained("3.11.2", make_plan(source(FILES, PROJECT_YML)))
    assert unlocked["bases.debian:12"].why == "lockage.lock does not know docker.io/library/debian:12"
    assert unlocked["key"].value is None


def test_the_key_with_each_of_its_inputs():
    found = explained("3.11.2")
    assert found["key"].value == PLAN.by_id["python/3.11.2/linux-amd64"].key
    inputs = inputs_of(PLAN, "python/3.11.2/linux-amd64")
    assert key_of(inputs) == found["key"].value
    assert {
        k.removeprefix("key."): one.value for k, one in found.items() if k.startswith("key.")
    } == input_digests(inputs)
    assert found["key.builder"].value == "v0.32.2"
    assert found["key.rootfs"].value.startswith("sha256:")


def test_an_image_from_elsewhere_and_a_snapshot():
    files = {"tool/image.yml": "tags: [{name: 1.4.2, external: 'ghcr.io/acme/tools:1'}]\n"}
    plan = make_plan(source(files), lock=LOCK)
    found = {one.key: one for one in explain_target(plan, "tool/1.4.2/linux-amd64")}
    assert str(found["external"].location) == "images/tool/image.yml:1:32"
    assert "template" not in found
    again = make_plan(source(FILES, PROJECT_YML), snapshot_id="mr-1")
    assert explained("3.11.2", again)["tags.3.11.2-mr-1"].why == "the tag of the snapshot mr-1"


@pytest.mark.parametrize("target", PLAN.targets, ids=lambda t: t.id)
def test_every_value_of_a_target_is_explained_and_stands_where_it_is_said_to(target):
    found = {one.key: one for one in explain_target(PLAN, target.id)}
    assert {
        k.removeprefix("labels."): o.value for k, o in found.items() if k.startswith("labels.")
    } == target.labels
    assert [o.value for k, o in found.items() if k.startswith("tags.")] == list(target.tags)
    assert len([k for k in found if k.startswith("bases.")]) == len(target.bases)
    for one in found.values():
        for value, spot in [(one.value, one.location), *((o.value, o.location) for o in one.overrides)]:
            if (
                isinstance(value, str)
                and isinstance(spot, Location)
                and one.key.startswith(("versions", "labels.team"))
            ):
                line = PLAN.source.read(spot.path).decode().splitlines()[spot.line - 1]
                assert line[spot.column - 1 :].startswith(value)


LEVEL = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1", "2", "3"]), max_size=3)


@given(LEVEL, LEVEL, LEVEL, LEVEL, st.booleans())
def test_the_levels_are_those_of_the_cascade(top, version, tag, variant, dev):
    files = {
        "a/image.yml": f"versions: {quoted(top)}\nvariants: [{{name: dev, versions: {quoted(variant)}}}]\n",
        "a/1/image.yml": f"versions: {quoted(version)}\ntags: [{{name: 1.0.0, versions: {quoted(tag)}}}]\n",
        "a/Dockerfile.tmpl": "FROM debian:12\n{% for k, v in versions | dictsort %}ENV {{ k }}={{ v }}\n{% endfor %}",
    }
    plan = make_plan(source(files))
    found = explain_target(plan, f"a/1.0.0{'-dev' if dev else ''}/linux-amd64")
    holds = {one.key.removeprefix("versions."): one for one in found if one.key.startswith("versions.")}
    merged = top | version | tag | (variant if dev else {})
    assert {name: one.value for name, one in holds.items()} == merged
    for name, one in holds.items():
        levels = [top, version, tag, *([variant] if dev else [])]
        assert [one.value, *(o.value for o in one.overrides)] == [
            m[name] for m in reversed(levels) if name in m
        ]


def quoted(mapping):
    return "{" + ", ".join(f"{k}: '{v}'" for k, v in mapping.items()) + "}"


@settings(max_examples=settings.default.max_examples * 2 // 5)
@given(catalogues())
def test_every_target_of_any_catalogue_is_explained_as_it_is(states):
    plan = make_plan(whole(states[1], "", None))
    for target in plan.targets:
        found = {one.key: one for one in explain_target(plan, target.id)}
        labels = {k.removeprefix("labels."): o.value for k, o in found.items() if k.startswith("labels.")}
        assert labels == target.labels
        assert [o.value for k, o in found.items() if k.startswith("tags.")] == list(target.tags)
        assert found["template"].value == target.template
        assert found["gates.secrets"].value == target.gates.secrets.severities
        for entry in target.rootfs:
            [one] = explain_rootfs(plan, [target.id], entry.path)
            assert (one.wins.origin, one.wins.kind, one.wins.mode) == (entry.origin, entry.kind, entry.mode)


def path_of(path, *tags):
    ids = [f"python/{tag}/linux-amd64" for tag in tags] or [t.id for t in PLAN.targets]
    return explain_rootfs(PLAN, ids, path)


def test_which_level_won_a_path():
    [found] = path_of("/etc/a", "3.11.2")
    assert found.wins.origin == "images/python/3.11/rootfs/etc/a"
    assert found.wins.size == 3
    assert [layer.origin for layer in found.loses] == ["images/python/rootfs/etc/a"]
    assert found.to_json()["wins"]["mode"] == "0644"
    [link] = path_of("etc//deep/", "3.11.2")
    assert link.wins.target == "/else"
    assert [layer.kind for layer in link.loses] == ["dir"]
    [joined] = path_of("etc", "3.11.2")
    assert joined.loses == ()


def test_a_path_whose_folder_was_replaced():
    [found] = path_of("etc/deep/x", "3.11.2")
    assert found.wins is None
    assert found.hidden_by == "images/python/3.11/rootfs/etc/deep"
    assert [layer.origin for layer in found.loses] == ["images/python/rootfs/etc/deep/x"]


def test_every_tag_that_has_a_path_and_the_nearest_where_none_has():
    assert len(path_of("etc/a")) == 6
    with pytest.raises(UsageError) as caught:
        path_of("etc/b", "3.11.2")
    assert caught.value.message == "no rootfs/ of python:3.11.2 has /etc/b"
    assert caught.value.hint == "did you mean /etc/a?"
