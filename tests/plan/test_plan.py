"""The plan: ids, tags, snapshots, selection, keys, and its JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Lock
from pipeline.errors import ConfigError, UsageError
from pipeline.model import Digest, Platform, Reference
from pipeline.plan import make_plan, matching, select
from pipeline.plan.keys import key_inputs
from tests.catalogue.sample import DIGEST, LOCK, PROJECT, folder, image, plan, source

BOTH = PROJECT + "platforms: [linux/amd64, linux/arm/v7]\n"
FILES = (
    folder("base", image("[2025.09]"))
    | folder("python/3", image("[3.13.7]", "variants: [{name: dev}]\n", "FROM base:2025.09\nRUN x\n"))
    | folder("app", image("[1.0.0]", template="FROM python:3-dev\n"))
    | {
        "python/rootfs/etc/x": "x",
        "python/3/test.yml.tpl": "schemaVersion: 2.0.0\nmetadataTest: {user: root}\n# {{ tag }}\n",
    }
)


def test_ids_and_what_they_stand_on():
    found = plan(FILES, BOTH)
    assert [t.id for t in found.targets] == [
        "base/2025.09/linux-amd64",
        "base/2025.09/linux-arm-v7",
        "python/3.13.7/linux-amd64",
        "python/3.13.7/linux-arm-v7",
        "python/3.13.7-dev/linux-amd64",
        "app/1.0.0/linux-amd64",
        "python/3.13.7-dev/linux-arm-v7",
        "app/1.0.0/linux-arm-v7",
    ]
    app = found.by_id["app/1.0.0/linux-arm-v7"]
    assert app.internal_bases == ("python/3.13.7-dev/linux-arm-v7",)
    assert app.tags == ("1.0.0", "1", "1.0")
    assert found.images == ("app", "base", "python")
    assert [name for name, targets in found.groups() if len(targets) == 2] == [
        name for name, _ in found.groups()
    ]


def test_what_stands_on_a_target():
    found = plan(FILES)
    assert found.dependents("python/3.13.7/linux-amd64") == ()
    assert set(found.dependents("base/2025.09/linux-amd64")) == {
        "python/3.13.7/linux-amd64",
        "python/3.13.7-dev/linux-amd64",
        "app/1.0.0/linux-amd64",
    }


def test_the_external_base_that_an_image_begins_with():
    found = plan(
        FILES
        | folder(
            "bare",
            image("[1.0.0]", template="FROM debian:12 AS built\nFROM scratch\nCOPY --from=built /x /x\n"),
        )
        | {"other/image.yml": "tags: [{name: 1.0.0, external: 'ghcr.io/acme/tools:1'}]\n"}
        | folder("on-other", image("[1.0.0]", template="FROM other:1.0.0\n")),
        PROJECT,
        lock=LOCK,
    )
    assert {target.image: found.origin(target) for target in found.targets} == {
        **dict.fromkeys(("base", "python", "app"), f"docker.io/library/debian:12@{DIGEST}"),
        **dict.fromkeys(("bare", "other", "on-other")),
    }


def test_a_snapshot_moves_tags_and_from_but_no_key():
    release, snapshot = plan(FILES, lock=LOCK), plan(FILES, lock=LOCK, snapshot_id="mr-123")
    assert [t.id for t in snapshot.targets] == [t.id for t in release.targets]
    assert [t.key for t in snapshot.targets] == [t.key for t in release.targets]
    assert {t.id: t.tags for t in snapshot.targets} == {
        "base/2025.09/linux-amd64": ("2025.09-mr-123",),
        "python/3.13.7/linux-amd64": ("3.13.7-mr-123",),
        "python/3.13.7-dev/linux-amd64": ("3.13.7-dev-mr-123",),
        "app/1.0.0/linux-amd64": ("1.0.0-mr-123",),
    }
    assert snapshot.by_id["python/3.13.7/linux-amd64"].dockerfile.startswith("FROM base:2025.09-mr-123\n")
    # an alias is not pushed in a snapshot, so FROM names the tag behind it
    assert snapshot.by_id["app/1.0.0/linux-amd64"].dockerfile == "FROM python:3.13.7-dev-mr-123\n"
    assert snapshot.by_id["base/2025.09/linux-amd64"].dockerfile == "FROM debian:12\n"


@pytest.mark.parametrize("snapshot", ["a/b", "ä", "x" * 200, "a b", ""])
def test_a_snapshot_must_fit_in_a_tag(snapshot):
    with pytest.raises(UsageError):
        plan(FILES, snapshot_id=snapshot)


SELECTIONS = [
    (["base"], ["base/2025.09/linux-amd64"]),
    (["python:3"], ["base/2025.09/linux-amd64", "python/3.13.7/linux-amd64"]),
    (["python:3.13.7-dev"], ["base/2025.09/linux-amd64", "python/3.13.7-dev/linux-amd64"]),
    (
        ["app/1.0.0/linux-amd64"],
        ["app/1.0.0/linux-amd64", "base/2025.09/linux-amd64", "python/3.13.7-dev/linux-amd64"],
    ),
    (["*-dev", "base"], ["base/2025.09/linux-amd64", "python/3.13.7-dev/linux-amd64"]),
]


@pytest.mark.parametrize(("patterns", "expected"), SELECTIONS)
def test_selection_takes_what_it_stands_on(patterns, expected):
    found = plan(FILES, only=patterns)
    assert sorted(t.id for t in found.targets) == expected
    assert [t.id for t in found.targets] == [t.id for t in plan(FILES).targets if t.id in expected]


def test_selection_alone_and_a_mistake_in_it():
    whole = plan(FILES)
    assert [t.id for t in select(whole, ["app"], dependencies=False).targets] == ["app/1.0.0/linux-amd64"]
    assert matching(whole, ["python"]) == ("python/3.13.7/linux-amd64", "python/3.13.7-dev/linux-amd64")
    with pytest.raises(UsageError) as caught:
        select(whole, ["pyton:3.13"])
    assert caught.value.hint == "did you mean python:3.13?"


def test_platforms_narrow():
    found = plan(FILES, BOTH, platforms=[Platform.parse("arm")])
    assert {str(t.platform) for t in found.targets} == {"linux/arm/v7"}
    with pytest.raises(UsageError):
        plan(FILES, BOTH, platforms=[Platform.parse("s390x")])


def test_no_key_without_a_lock():
    found = plan(FILES)
    assert {t.key for t in found.targets} == {None}
    assert found.lock_state == "none"
    assert Reference.parse("debian:12") in found.unlocked
    partial = plan(FILES, lock=LOCK)
    assert partial.lock_state == "partial"  # the tools are not in it
    assert all(t.key for t in partial.targets)
    tools = {ref: Digest.of(b"t") for ref in partial.project.tools.all().values()}
    whole = plan(FILES, lock=Lock.of({**LOCK.images, **tools}))
    assert (whole.lock_state, whole.unlocked) == ("complete", ())
    assert all(ref.digest for ref in whole.tools.values())


GRYPE = "gates: {vulnerabilities: {scanner: both}}\n"


@pytest.mark.parametrize(
    ("policy", "gates", "wanted"),
    [
        ("", "", False),
        ("policy: {vulnerabilities: {scanner: trivy}}\n", "", False),
        ("policy: {vulnerabilities: {scanner: both}}\n", "", True),
        ("policy: {vulnerabilities: {scanner: grype}}\n", "", True),
        ("", GRYPE, True),
    ],
)
def test_grype_is_locked_only_where_it_scans(policy: str, gates: str, *, wanted: bool) -> None:
    files = folder("a", image("[1.0.0]", gates)) | folder("b", image("[1.0.0]"))
    found = plan(files, PROJECT + policy)
    assert ("grype" in found.tools) is wanted
    assert ("grype" in found.to_json()) is wanted


def test_a_scanner_changes_no_key() -> None:
    assert keys(FILES, PROJECT + "policy: {vulnerabilities: {scanner: both}}\n") == keys(FILES)


def keys(files, project=PROJECT, **options):
    return {t.id: t.key for t in plan(files, project, **({"lock": LOCK} | options)).targets}


def changed(files, project=PROJECT, **options):
    before, after = keys(FILES), keys(files, project, **options)
    return sorted(i for i in before if before[i] != after[i])


ALL = [
    "app/1.0.0/linux-amd64",
    "base/2025.09/linux-amd64",
    "python/3.13.7-dev/linux-amd64",
    "python/3.13.7/linux-amd64",
]


def test_a_key_changes_with_every_input_and_everything_downstream():
    assert changed(FILES) == []
    assert changed(FILES | {"app/Dockerfile.tmpl": "FROM python:3-dev\nUSER 1\n"}) == [
        "app/1.0.0/linux-amd64"
    ]
    assert changed(FILES | {"python/rootfs/etc/x": "y"}) == [i for i in ALL if not i.startswith("base")]
    assert changed(FILES | {"base/Dockerfile.tmpl": "FROM debian:12\nUSER 1\n"}) == ALL
    moved = Lock.of({**LOCK.images, Reference.parse("debian:12"): Digest.of(b"newer")})
    assert changed(FILES, lock=moved) == ALL
    assert changed(FILES, PROJECT + "tools: {buildkit: 'docker.io/moby/buildkit:v0.33.0'}\n") == ALL
    assert changed(FILES, PROJECT + "args: {MIRROR: x}\n") == ALL
    assert changed(FILES | {"app/image.yml": "tags: [1.0.0]\nargs: {A: b}\n"}) == ["app/1.0.0/linux-amd64"]
    assert changed(FILES, PROJECT + "source: https://example.com\n") == ALL  # a label


def test_a_key_does_not_change_with_what_only_names_or_judges():
    assert (
        changed(
            FILES | {"python/3/test.yml.tpl": "schemaVersion: 2.0.0\nmetadataTest: {user: root}\n# other\n"}
        )
        == []
    )
    assert changed(FILES, PROJECT + "policy: {secrets: warn}\n") == []
    assert changed(FILES | {"app/image.yml": "tags: [{name: 1.0.0, aliases: [x]}]\n"}) == []
    assert changed(FILES | {"base/Dockerfile.tmpl": "FROM docker.io/library/debian:12\n"}) == []
    assert changed(FILES | {"app/Dockerfile.tmpl": "FROM python:3.13.7-dev\n"}) == []


def test_what_a_key_covers_can_be_read():
    found = plan(FILES, lock=LOCK)
    target = found.by_id["python/3.13.7/linux-amd64"]
    inputs = key_inputs(target, {t.id: t.key for t in found.targets}, builder=found.builder)
    base = found.by_id["base/2025.09/linux-amd64"]
    assert inputs["dockerfile"] == f"FROM key:{base.key}\nCOPY --chown=0:0 rootfs/ /\nRUN x\n"
    assert [e[0] for e in inputs["rootfs"]] == ["etc", "etc/x"]
    assert (inputs["builder"], inputs["platform"]) == ("v0.32.2", "linux/amd64")
    base_inputs = key_inputs(base, {}, builder=found.builder)
    assert base_inputs["dockerfile"] == f"FROM docker.io/library/debian@{DIGEST}\n"


@given(st.permutations(list(FILES.items())))
def test_the_json_is_the_same_bytes_in_any_order_of_files(items):
    assert plan(dict(items), lock=LOCK).to_json() == plan(FILES, lock=LOCK).to_json()


def test_the_json_has_what_is_promised():
    data = json.loads(plan(FILES, lock=LOCK).to_json())
    assert data["format_version"] == 1
    target = next(t for t in data["targets"] if t["id"] == "python/3.13.7-dev/linux-amd64")
    assert {k: target[k] for k in ("image", "tag", "base_tag", "variant", "platform", "tags", "bases")} == {
        "image": "python",
        "tag": "3.13.7-dev",
        "base_tag": "3.13.7",
        "variant": "dev",
        "platform": "linux/amd64",
        "tags": ["3.13.7-dev", "3-dev", "3.13-dev"],
        "bases": [{"kind": "internal", "name": "base:2025.09", "target": "base/2025.09/linux-amd64"}],
    }
    assert len(target["key"]) == 64


def test_exact_references_are_put_in_for_a_build():
    target = plan(FILES, lock=LOCK).by_id["python/3.13.7/linux-amd64"]
    exact = f"localhost:5000/lockage/builds@{DIGEST}"
    for name in ("base/2025.09/linux-amd64", "base:2025.09"):
        assert target.dockerfile_on({name: exact}).startswith(f"FROM {exact}\nCOPY")
    assert target.dockerfile_on({}) == target.dockerfile


def test_a_broken_project_does_not_hide_broken_images():
    broken = source(folder("a", image(more="x: 1\n")), "version: 1\n")
    with pytest.raises(ConfigError) as caught:
        make_plan(broken)
    assert [p.path for p in caught.value.problems] == ["images/a/image.yml", "lockage.yml"]
    assert caught.value.exit_code == 3
