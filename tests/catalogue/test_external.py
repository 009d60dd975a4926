"""External tags: images built elsewhere, pinned and keyed by digest, with a test of their own."""

import json

import pytest

from pipeline.config import Lock
from pipeline.model import Digest, Platform, Reference
from pipeline.plan import generated_files, graph_of, key_inputs, make_plan
from pipeline.plan.cache.encoding import dump, load

from .sample import LOCK, PROJECT, folder, image, plan, problems, source

TOOL = Reference.parse("ghcr.io/acme/tool:1.4.2")
PINNED = TOOL.pinned(Digest.of(b"tool"))
LOCKED = Lock.of({**LOCK.images, TOOL: Digest.of(b"tool")})
ENTRY = "[{name: 1.4.2, external: 'ghcr.io/acme/tool:1.4.2', versions: {tool: 1.4.2}}]"
FILES = {
    "tool/image.yml": f"title: Tool\ntags: {ENTRY}\n",
    "tool/test.yml.tpl": "schemaVersion: 2.0.0\nmetadataTest: {user: root}\n# {{ versions.tool }} {{ tag }}\n",
    **folder("app", image(template="FROM tool:1\n")),
}


def target(files=FILES, **options):
    return plan(files, **options).by_id["tool/1.4.2/linux-amd64"]


def test_an_external_tag_is_a_target_without_a_dockerfile():
    found = target(lock=LOCKED)
    assert (found.external, found.dockerfile, found.template) == (PINNED, "", None)
    assert (found.bases, found.rootfs, dict(found.labels), found.title) == ((), (), {}, "Tool")
    assert (found.test, found.test_template) == (
        "schemaVersion: 2.0.0\nmetadataTest: {user: root}\n# 1.4.2 1.4.2\n",
        "images/tool/test.yml.tpl",
    )
    assert found.tags == ("1.4.2", "1", "1.4")


def test_it_needs_the_lock_as_a_base_does_and_no_entry_in_bases():
    found = plan(FILES, lock=LOCK)
    assert TOOL in found.unlocked
    assert {t.key for t in found.targets} == {None}
    assert PINNED in {r for t in plan(FILES, lock=LOCKED).targets for r in t.external_bases}


def test_its_key_is_the_digest_and_the_platform_and_what_stands_on_it_follows():
    found = target(lock=LOCKED)
    assert key_inputs(found, {}, builder="v1") == {
        "format": 2,
        "platform": "linux/amd64",
        "external": f"ghcr.io/acme/tool@{PINNED.digest}",
    }
    moved = Lock.of({**LOCKED.images, TOOL: Digest.of(b"newer")})
    before, after = plan(FILES, lock=LOCKED), plan(FILES, lock=moved)
    assert {t.id for t in before.targets if t.key != after.by_id[t.id].key} == set(before.by_id)
    newer = PROJECT + "args: {A: b}\ntools: {buildkit: 'docker.io/moby/buildkit:v0.33.0'}\n"
    assert target(project=newer, lock=LOCKED).key == found.key
    both = plan(FILES, PROJECT + "platforms: [linux/amd64, linux/arm64]\n", lock=LOCKED)
    assert {t.external for t in both.targets if t.image == "tool"} == {PINNED}
    assert len({t.key for t in both.targets}) == 4


def test_the_plan_the_graph_and_dist_show_it():
    found = plan(FILES, lock=LOCKED)
    data = {t["id"]: t for t in json.loads(found.to_json())["targets"]}
    assert data["tool/1.4.2/linux-amd64"]["external"] == str(PINNED)
    assert data["tool/1.4.2/linux-amd64"]["dockerfile"] is None
    assert data["app/1.0.0/linux-amd64"]["external"] is None
    assert graph_of(found).edges == (("app:1.0.0", "tool:1.4.2"), ("tool:1.4.2", "ghcr.io/acme/tool:1.4.2"))
    assert graph_of(found).external == ("ghcr.io/acme/tool:1.4.2",)
    assert [p for p in generated_files(found) if p.startswith("tool")] == ["tool/1.4.2/test.yml"]


def test_it_is_kept_and_read_back():
    files = source(FILES)
    made = make_plan(files, lock=LOCKED)
    assert load(dump(made), files) == made


def test_a_snapshot_names_it_too():
    found = plan(FILES, lock=LOCKED, snapshot_id="mr-1")
    assert found.by_id["tool/1.4.2/linux-amd64"].tags == ("1.4.2-mr-1",)
    assert found.by_id["app/1.0.0/linux-amd64"].dockerfile == "FROM tool:1.4.2-mr-1\n"


def test_variants_are_made_of_the_tags_that_are_built():
    tags = "[{name: 1.0.0, external: debian:12}, 2.0.0]"
    files = folder("i", image(tags, "variants: [dev]\n")) | {"i/rootfs/x": ""}
    assert {t.tag for t in plan(files).targets} == {"1.0.0", "2.0.0", "2.0.0-dev"}
    assert [t.tag for t in plan(files).targets if t.rootfs] == ["2.0.0", "2.0.0-dev"]


def test_its_platforms_are_the_image_s():
    files = FILES | {"tool/image.yml": FILES["tool/image.yml"] + "platforms: [linux/arm64]\n"}
    assert problems(files) == [
        "images/app/Dockerfile.tmpl:1:1: FROM: tool:1.4.2 is not made for linux/amd64 (app:1.0.0)"
        " (it is made for linux/arm64)"
    ]
    del files["app/image.yml"], files["app/Dockerfile.tmpl"]
    assert [t.platform for t in plan(files).targets] == [Platform.parse("arm64")]


DEFINED = PROJECT + "secrets: {s: {env: S}}\nssh: {default: {}}\n"
USELESS = [
    ("args: {A: b}", "args"),
    ("secrets: [s]", "secrets"),
    ("ssh: [default]", "ssh"),
    ("template: a.tmpl", "template"),
    ("rootfs_user: '1:1'", "rootfs_user"),
    ("rootfs_copy: false", "rootfs_copy"),
    ("labels: {a: b}", "labels"),
]


@pytest.mark.parametrize(("entry", "key"), USELESS)
def test_what_only_a_build_uses_is_refused_at_an_external_tag(entry, key):
    yml = f"tags:\n  - name: 1.0.0\n    external: debian:12\n    {entry}\n"
    assert problems({"i/image.yml": yml}, DEFINED) == [
        f"images/i/image.yml:4:{5 + len(key) + 2}: tags[0].{key}: would be used by nothing:"
        " the tag is external, so it is taken over as it is"
    ]


@pytest.mark.parametrize(("entry", "key"), [*USELESS, ("variants: [dev]", "variants")])
def test_what_only_a_build_uses_is_refused_where_all_tags_are_external(entry, key):
    yml = f"{entry}\ntags: [{{name: 1.0.0, external: debian:12}}]\n"
    assert problems({"i/image.yml": yml}, DEFINED) == [
        f"images/i/image.yml:1:{1 + len(key) + 2}: {key}: would be used by nothing:"
        " every tag is external, so it is taken over as it is"
    ]
    below = {"i/image.yml": f"{entry}\n", "i/1/image.yml": "tags: [{name: 1.0.0, external: debian:12}]\n"}
    assert problems(below, DEFINED) == problems({"i/image.yml": yml}, DEFINED)
    built = {"i/2/image.yml": "tags: [2.0.0]\n", "i/2/Dockerfile.tmpl": "FROM debian:12\n"}
    built |= {"i/2/a.tmpl": "FROM debian:12\n"}
    assert len(plan(below | built, DEFINED).targets) == (3 if key == "variants" else 2)


@pytest.mark.parametrize("name", ["Dockerfile.tmpl", "Dockerfile.dev.tmpl", "rootfs/etc/x", "1.4.2/rootfs/x"])
def test_files_that_only_a_build_uses_are_refused(name):
    shown = name.removesuffix("/etc/x").removesuffix("/x")
    assert problems({**FILES, f"tool/{name}": "FROM debian:12\n"}) == [
        f"images/tool/{shown}: would be used by nothing: tool:1.4.2 is external and not built"
    ]


def test_a_digest_is_for_the_lock_and_a_reference_must_be_one():
    digest = "sha256:" + "0" * 64
    [one] = problems({"i/image.yml": f"tags: [{{name: 1.0.0, external: 'debian@{digest}'}}]\n"})
    assert "tags[0].external: a digest is written here; name a tag, `lockage lock` keeps the digest" in one
    [two] = problems({"i/image.yml": "tags: [{name: 1.0.0, external: 'De bian'}]\n"})
    assert two.startswith("images/i/image.yml:1:32: tags[0].external: not a repository path")
    [three] = problems(folder("i", image(more="variants: [{name: a, external: debian}]\n")))
    assert "variants[0].external: is not a known key" in three
