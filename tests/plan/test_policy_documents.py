"""The files that policies name: found below images/, read with the plan, kept by its cache, and explained."""

from __future__ import annotations

import json

import pytest

from pipeline.errors import ConfigError
from pipeline.plan.cache.encoding import dump, load
from pipeline.plan.explain.target import explain_target
from tests.catalogue.sample import PROJECT, folder, image, plan
from tests.model.test_vex import CYCLONEDX, OPENVEX

KEV = json.dumps({"catalogVersion": "1", "vulnerabilities": [{"cveID": "CVE-2021-44228"}]})
FILES = {
    "_policy/kev.json": KEV,
    "_policy/vex.json": json.dumps(OPENVEX, indent=2),
    "a/own.cdx.json": json.dumps(CYCLONEDX),
}
OLD = '{"bomFormat": "CycloneDX", "specVersion": "1.1"}'
POLICY = """
policy:
  vulnerabilities:
    grace: {high: 14d, CRITICAL: 3}
    cvss: 7.0
    known_exploited: {file: images/_policy/kev.json}
    vex: [images/_policy/vex.json]
    ignore:
      - {id: [CVE-1, CVE-2], package: [curl, libcurl4], owner: o, reason: r, expires: 2027-01-01}
  loosen: [vex, grace, cvss]
"""
GATES = "gates: {vulnerabilities: {vex: [images/a/own.cdx.json], grace: {HIGH: 20d}, cvss: 8}}\n"


def files(gates: str = GATES, **more: str) -> dict[str, str]:
    return FILES | folder("a", image(more=gates)) | more


def test_gates_have_what_their_files_say() -> None:
    made = plan(files(), PROJECT + POLICY)
    gate = made.targets[0].gates.vulnerabilities
    assert gate.lists("CVE-2021-44228") and not gate.lists("CVE-1")
    assert [d.origin for d in gate.vex] == ["images/_policy/vex.json", "images/a/own.cdx.json"]
    assert dict(gate.grace) == {"CRITICAL": 3, "HIGH": 20} and gate.cvss == 8.0
    assert [(i.id, i.package) for i in gate.ignore] == [
        *(("CVE-1", p) for p in ("curl", "libcurl4")),
        *(("CVE-2", p) for p in ("curl", "libcurl4")),
    ]
    assert "CVE-2021" not in json.dumps(made.targets[0].gates.to_json()), (
        "a plan names the list, and is small"
    )


def test_a_stored_plan_reads_them_again() -> None:
    made = plan(files(), PROJECT + POLICY)
    assert made.source
    assert load(dump(made), made.source).targets == made.targets


def test_each_value_is_explained_with_its_line() -> None:
    made = plan(files(), PROJECT + POLICY)
    values = {one.key: one for one in explain_target(made, made.targets[0].id)}
    gate = "gates.vulnerabilities"
    assert values[f"{gate}.grace"].value == {"CRITICAL": 3, "HIGH": 20}
    assert str(values[f"{gate}.grace"].location).startswith("images/a/image.yml:")
    assert str(values[f"{gate}.known_exploited.images/_policy/kev.json"].location).startswith("lockage.yml:")
    assert str(values[f"{gate}.vex.images/a/own.cdx.json"].location).startswith("images/a/image.yml:")
    assert f"{gate}.ignore.CVE-2" in values


def test_an_unset_value_is_the_default() -> None:
    made = plan(folder("a", image()), PROJECT)
    assert "grace" not in made.targets[0].gates.to_json()["vulnerabilities"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("changed", "path", "line", "text"),
    [
        ({"_policy/vex.json": "{\n  b"}, "images/_policy/vex.json", 2, "is not JSON"),
        (
            {"_policy/vex.json": json.dumps(OPENVEX, indent=2).replace('"affected"', '"bad"')},
            "images/_policy/vex.json",
            43,
            "'bad' is not a status",
        ),
        ({"_policy/kev.json": "{}"}, "images/_policy/kev.json", 0, "has no vulnerabilities"),
        (
            {"a/own.cdx.json": OLD},
            "images/a/own.cdx.json",
            1,
            "'1.1'",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_one_error_with_its_place(
    changed: dict[str, str], path: str, line: int, text: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(files() | changed, PROJECT + POLICY)
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == (path, line) and text in problem.message


def test_a_file_that_is_not_there_is_an_error_where_it_is_named() -> None:
    gone = {name: text for name, text in files().items() if "_policy" not in name}
    with pytest.raises(ConfigError) as caught:
        plan(gone, PROJECT + POLICY)
    assert [(p.path, "does not exist" in p.message) for p in caught.value.problems] == [
        ("lockage.yml", True)
    ] * 2
    assert all(p.line > 1 for p in caught.value.problems)


@pytest.mark.parametrize("path", ["/etc/passwd", "images/../x.json", "vex.json", "images", "images//x"])
def test_files_are_below_images(path: str) -> None:
    with pytest.raises(ConfigError, match="1 problem") as caught:
        plan(files(), PROJECT + f"policy: {{vulnerabilities: {{vex: ['{path}']}}}}\n")
    assert "below images/" in caught.value.problems[0].message


@pytest.mark.parametrize(
    "given",
    ["soon", "{HIGH: -1}", "{HIGH: 3651}", "{HIG: 1}", "{HIGH: 1, high: 2}", "1.5", "{HIGH: yes}"],
)
def test_grace_that_is_none(given: str) -> None:
    with pytest.raises(ConfigError):
        plan(files(), PROJECT + f"policy: {{vulnerabilities: {{grace: {given}}}}}\n")
