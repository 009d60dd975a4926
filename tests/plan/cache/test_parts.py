"""A plan after an edit takes over what the edit did not touch, and is the plan that would be made of everything."""

import json

import pytest
from hypothesis import given, settings

from pipeline.catalogue import SourceFile
from pipeline.catalogue.templating import templates
from pipeline.errors import ConfigError
from pipeline.plan import make, make_plan, plan_of
from pipeline.plan.cache.encoding import dump_parts, load_parts
from pipeline.plan.cache.parts import Digests
from pipeline.plan.make import PlanParameters, make_parts
from tests.catalogue.sample import LOCK, PROJECT, folder, image, source
from tests.model.test_vex import OPENVEX
from tests.plan.changes.test_affected_laws import DEMO, catalogues

PROJECT_OF_ALL = (
    PROJECT
    + "policy: {vulnerabilities: {vex: [images/_policy/p.json]}, loosen: [vex]}\n"
    + "entitlements: {top: [network.host]}\n"
)


def vex(name):
    """A VEX document."""
    return json.dumps({**OPENVEX, "@id": f"https://example.com/{name}"})


FILES = (
    folder("base", image("[1.0.0, 1.1.0]"))
    | folder("mid", image("[2.0.0]", "variants: [dev]\n", "FROM base:1\n{% include '_shared/s.tmpl' %}\n"))
    | folder("top", image("[3.0.0]", "labels: {a: b}\n", "FROM mid:2\nCOPY --from=debian:12 /a /a\n"))
    | folder("other", image("[4.0.0]", template="FROM debian:12\n{% include 'base/x' ignore missing %}\n"))
    | folder(
        "last",
        image("[5.0.0]", "gates: {vulnerabilities: {vex: [images/_policy/i.json]}}\n", "FROM other:4.0.0\n"),
    )
    | {
        "_shared/s.tmpl": "RUN s\n",
        "_policy/p.json": vex("p"),
        "_policy/i.json": vex("i"),
        "base/rootfs/etc/x": "x",
        "mid/test.yml.tpl": "schemaVersion: 2.0.0\nmetadataTest: {user: root}\n",
    }
)


@pytest.fixture
def taken_over(monkeypatch):
    """Of the plan that was made last: the folders that it took over from an earlier one."""
    found = set()

    def observed(source, parameters, earlier):
        found.clear()
        found.update(folder.removeprefix("images/") for folder in (earlier.parts if earlier else ()))
        return read(source, parameters, earlier)

    read = make._read
    monkeypatch.setattr(make, "_read", observed)
    return found


def edited(before, after, project=PROJECT_OF_ALL):
    """The plan of `after` with what it takes over from that of `before`, and the bytes that are stored of it."""
    old, new = source(before, project), source(after, project)
    stored = dump_parts(make_parts(old, PlanParameters(LOCK)), Digests.of(old))
    digests = Digests.of(new)
    parts = make_parts(new, PlanParameters(LOCK), load_parts(stored, digests))
    return parts.plan, dump_parts(parts, digests)


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ({}, "base mid top other last"),
        ({"mid/Dockerfile.tmpl": "FROM base:1.1.0\n"}, "base top other last"),
        ({"mid/test.yml.tpl": "schemaVersion: 2.0.0\nmetadataTest: {user: x}\n"}, "base top other last"),
        ({"mid/notes": "a file that nothing reads"}, "base top other last"),
        ({"_shared/s.tmpl": "RUN t\n"}, "base top other last"),
        ({"mid/s.tmpl": "RUN t\n"}, "base top other last"),
        ({"mid/_shared/s.tmpl": "RUN nearer\n"}, "base top other last"),
        ({"_shared/other.tmpl": "RUN t\n"}, "base mid top other last"),
        ({"base/rootfs/etc/x": "y"}, "mid top other last"),
        ({"base/rootfs/etc/x": SourceFile("file", 0o755, b"x")}, "mid top other last"),
        ({"base/rootfs/etc/x": SourceFile("link", target="/y")}, "mid top other last"),
        ({"base/image.yml": "tags: [1.0.0, 1.1.0, 1.2.0]\n"}, "top other last"),
        (
            {"base/image.yml": "tags: [1.0.0, 1.1.0]\nplatforms: [linux/amd64, linux/arm64]\n"},
            "top other last",
        ),
        ({"base/image.yml": "tags: [1.0.0, {name: 1.1.0, aliases: [new]}]\n"}, "top other last"),
        ({"base/x": "RUN x\n"}, "mid top last"),
        ({"_policy/i.json": vex("changed")}, "base mid top other"),
        (
            {"new/image.yml": "tags: [1.0.0]\n", "new/Dockerfile.tmpl": "FROM top:3\n"},
            "base mid top other last",
        ),
        ({"last/image.yml": None, "last/Dockerfile.tmpl": None}, "base mid top other"),
        ({"last/image.yml": "name: renamed\ntags: [5.0.0]\n"}, "base mid top other"),
    ],
)
def test_what_an_edit_does_not_touch_is_taken_over(edit, expected, taken_over):
    after = {path: text for path, text in (FILES | edit).items() if text is not None}
    plan, stored = edited(FILES, after)
    assert taken_over == set(expected.split())
    new = source(after, PROJECT_OF_ALL)
    whole = make_parts(new, PlanParameters(LOCK))
    assert plan == whole.plan and plan.to_json() == whole.plan.to_json()
    assert stored == dump_parts(whole, Digests.of(new))


def test_an_image_that_takes_the_name_of_an_external_base_is_noticed():
    project = PROJECT_OF_ALL.replace("debian:12", "debian:12, 'debian:1.0.0'")
    files = FILES | {"top/Dockerfile.tmpl": "FROM debian:1.0.0\n"}
    after = files | folder("debian", image(template="FROM scratch\n"))
    with pytest.raises(ConfigError) as whole:
        make_plan(source(after, project), lock=LOCK)
    with pytest.raises(ConfigError) as caught:
        edited(files, after, project)
    assert caught.value.problems == whole.value.problems


def test_another_document_of_the_project_or_damaged_bytes_take_over_nothing():
    old, new = (
        source(FILES, PROJECT_OF_ALL),
        source(FILES | {"_policy/p.json": vex("q")}, PROJECT_OF_ALL),
    )
    stored = dump_parts(make_parts(old, PlanParameters(LOCK)), Digests.of(old))
    with pytest.raises(ValueError, match="policy"):
        load_parts(stored, Digests.of(new))
    for damaged in (stored.replace(b'"parts":[[', b'"parts":[3,['), stored.replace(b'"files"', b'"Files"')):
        with pytest.raises(ValueError):
            load_parts(damaged, Digests.of(old))


BROKEN = {
    "mid/Dockerfile.tmpl": "FROM base:9\n",
    "base/Dockerfile.tmpl": "FROM top:3.0.0\n",
    "base/image.yml": "tags: [2.0.0]\n",
    "_shared/s.tmpl": "RUN {{ gone }}\n",
    "top/image.yml": "name: last\ntags: [1.0.0]\n",
    "mid/odd/rootfs/x": "",
    "_policy/i.json": "{",
    "new/Dockerfile.tmpl": "FROM x\n",
}


@pytest.mark.parametrize("path", BROKEN)
def test_problems_are_those_of_the_whole_catalogue(path, tmp_path):
    broken = source(FILES | {path: BROKEN[path]}, PROJECT_OF_ALL)
    plan_of(source(FILES, PROJECT_OF_ALL), cache=tmp_path, lock=LOCK)
    with pytest.raises(ConfigError) as whole:
        make_plan(broken, lock=LOCK)
    with pytest.raises(ConfigError) as caught:
        plan_of(broken, cache=tmp_path, lock=LOCK)
    assert caught.value.problems == whole.value.problems


def outcome(files, earlier=None):
    """What is stored of a plan, or its problems."""
    whole = source(files, DEMO)
    digests = Digests.of(whole)
    try:
        kept = load_parts(earlier, digests) if isinstance(earlier, bytes) else None
        return dump_parts(make_parts(whole, PlanParameters(LOCK), kept), digests)
    except ConfigError as error:
        return error.problems


@settings(max_examples=max(5, settings.default.max_examples // 4))
@given(catalogues())
def test_any_edits_give_the_plan_that_is_made_of_everything(states):
    latest = None
    for files in (*states, states[0]):
        found = outcome(files, latest)
        assert found == outcome(files)
        latest = found if isinstance(found, bytes) else latest


def test_what_was_taken_over_counts_towards_the_limits_of_all_templates(monkeypatch):
    old = make_parts(source(FILES, PROJECT_OF_ALL), PlanParameters(LOCK))
    monkeypatch.setattr(templates, "MAX_ALL_OUTPUT", sum(part.output for part in old.parts.values()) + 5)
    edited(FILES, FILES | {"base/Dockerfile.tmpl": "FROM debian:12\n#\n"})  # twice, for two tags
    with pytest.raises(ConfigError, match="1 problem") as caught:
        edited(FILES, FILES | {"base/Dockerfile.tmpl": "FROM debian:12\n##\n"})
    assert "make more than" in caught.value.problems[0].message
