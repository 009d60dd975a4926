"""`plan --json` fits its schema, whatever there is in it; and the schema says no more than there is."""

import copy
import importlib
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from pipeline.catalogue import SourceFile, read_source
from pipeline.cli.commands.catalogue.schema import schema_of
from pipeline.cli.planning.changes import with_affected
from pipeline.plan import make_plan
from pipeline.plan.changes.affected import Affected, Impact
from pipeline.plan.schema import plan_schema
from tests.catalogue.sample import LOCK, PROJECT, folder, image, plan
from tests.config.core_yaml import as_an_editor

ROOT = Path(__file__).parent.parent.parent
JUDGE = Draft202012Validator(plan_schema(), format_checker=FormatChecker(["date"]))

RICH = {
    **folder("base", image("[2026.11]")),
    **folder("base/rootfs", {"etc/motd": "hello\n"}),
    "base/rootfs/etc/link": SourceFile("link", 0o777, target="motd"),
    **folder(
        "app",
        {
            "image.yml": "tags: [{name: 1.2.3, aliases: [stable]}]\nvariants: [dev]\nplatforms: [amd64, linux/arm/v7]\n"
            "gates: {size: {max: 1MB}, vulnerabilities: {fail_on: [LOW], ignore: [{id: A, owner: o, reason: r, "
            "expires: 2027-01-31}]}}\n",
            "Dockerfile.tmpl": "FROM --platform=linux/amd64 base:2026.11\nCOPY --from=ghcr.io/acme/tools:1 /a /b\n",
            "test.yml.tpl": "schemaVersion: 2.0.0\nmetadataTest: {user: root}\n",
            "rootfs/.env": "A=1\n",
        },
    ),
    **folder("tool", {"image.yml": "tags: [{name: 1.0.0, external: 'ghcr.io/acme/tool:1.0.0'}]\n"}),
}
SOME = PROJECT + "platforms: [linux/amd64]\npolicy: {loosen: [fail_on, ignore]}\n"


def as_data(made):
    return json.loads(made.to_json())


@pytest.mark.parametrize("options", [{}, {"lock": LOCK}, {"snapshot_id": "mr-1"}])
def test_a_rich_plan_fits(options):
    made = plan(RICH, SOME, **options)
    JUDGE.validate(as_data(made))
    kinds = {b["kind"] for t in as_data(made)["targets"] for b in t["bases"]}
    assert kinds == {"internal", "external"}
    assert {e["kind"] for t in as_data(made)["targets"] for e in t["rootfs"]} == {"file", "link", "dir"}


def test_our_own_plan_fits():
    JUDGE.validate(as_data(make_plan(read_source(ROOT))))


def test_a_plan_of_what_is_affected_fits():
    made = plan(RICH, SOME)
    impact = Impact((Affected(made.targets[0].id, ("images/base/image.yml changed",)),))
    data = json.loads(with_affected(made.to_json(), impact))
    assert data["affected"]
    JUDGE.validate(data)


def places(data, path=()):
    """Every object in the plan's data."""
    if isinstance(data, dict):
        yield path
        for key, value in data.items():
            yield from places(value, (*path, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from places(value, (*path, number))


FREE = {"labels", "tools"}


def test_every_field_is_required_and_no_other_is_allowed():
    data = as_data(plan(RICH, SOME, lock=LOCK))
    for path in places(data):
        if path and path[-1] in FREE:
            continue
        other = copy.deepcopy(data)
        at = other
        for step in path:
            at = at[step]
        at["unknown"] = 1
        assert not JUDGE.is_valid(other), path
        del at["unknown"]
        for key in [k for k in at if (path[-2:-1], k) != (("bases",), "platform")]:
            kept = at.pop(key)
            assert not JUDGE.is_valid(other), (*path, key)
            at[key] = kept


SAMPLES = ("plan.test_examples", "plan.test_graph", "plan.test_plan", "catalogue.test_external")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_catalogues_of_other_tests_fit(name):
    """Every catalogue that stands as a whole in a test's module: what the models read the schema accepts."""
    values = vars(importlib.import_module(f"tests.{name}")).values()
    texts = [
        (path, text)
        for files in values
        if isinstance(files, dict)
        for path, text in files.items()
        if str(path).endswith("image.yml") and isinstance(text, str)
    ]
    assert texts
    judges = [Draft202012Validator(schema_of(kind)) for kind in ("image", "variant")]
    for path, text in texts:
        assert any(judge.is_valid(as_an_editor(text)) for judge in judges), path


def test_the_project_of_other_tests_fits():
    Draft202012Validator(schema_of("project")).validate(as_an_editor(PROJECT))
