"""An image may be stricter than the project, and looser only where the project says so."""

import json

import pytest

from pipeline.errors import ConfigError
from tests.catalogue.sample import PROJECT, folder, image, plan
from tests.model.test_vex import OPENVEX

IGNORE = "{id: CVE-1, owner: o, reason: r, expires: 9999-12-31}"
WAIVER = "owner: o, reason: r, expires: 9999-12-31"
POLICY = (
    "policy: {vulnerabilities: {fail_on: [CRITICAL, HIGH], grace: {HIGH: 7d}, cvss: 7.0},"
    " size: {max: 10MB, growth: 10%%}, tests: required,"
    " licenses: {allow: [MIT, BSD-*], deny: [GPL-3.0-only]}%s}\n"
)
LOOSER = [
    ("fail_on", "vulnerabilities: {fail_on: []}"),
    ("fail_on", "vulnerabilities: {fail_on: [CRITICAL]}"),
    ("fail_on", "vulnerabilities: {fail_on: [LOW, CRITICAL]}"),
    ("unfixed", "vulnerabilities: {unfixed: warn}"),
    ("ignore", f"vulnerabilities: {{ignore: [{IGNORE}]}}"),
    ("grace", "vulnerabilities: {grace: {LOW: 1d}}"),
    ("grace", "vulnerabilities: {grace: {HIGH: 8d, CRITICAL: 0d}}"),
    ("cvss", "vulnerabilities: {cvss: 7.1}"),
    ("vex", "vulnerabilities: {vex: [images/_policy/vex.json]}"),
    ("scanner", "vulnerabilities: {scanner: grype}"),
    ("secrets", "secrets: warn"),
    ("size", "size: {max: 11MB}"),
    ("size", "size: {}"),
    ("size", "size: {max: ~}"),
    ("size", "size: {growth: 11%}"),
    ("size", "size: {growth: 1B}"),  # not comparable
    ("secrets", "secrets: {fail_on: [CRITICAL]}"),
    ("secrets", f"secrets: {{allow: [{{path: /a, {WAIVER}}}]}}"),
    ("licenses", "licenses: {allow: []}"),
    ("licenses", "licenses: {allow: [X11]}"),
    ("licenses", "licenses: {deny: []}"),
    ("licenses", "licenses: {unknown: pass}"),
    ("licenses", f"licenses: {{exceptions: [{{package: p, {WAIVER}}}]}}"),
    ("tests", "tests: optional"),
]


def planned(gates: str, loosen: str = "") -> None:
    files = folder("a", image(more=f"gates: {{{gates}}}\n")) | {"_policy/vex.json": json.dumps(OPENVEX)}
    files["_policy/kev.json"] = '{"vulnerabilities": [{"cveID": "CVE-2021-44228"}]}'
    plan(files, PROJECT + POLICY % (f", loosen: [{loosen}]" if loosen else ""))


@pytest.mark.parametrize(("name", "gates"), LOOSER)
def test_an_image_loosens_nothing_by_itself(name: str, gates: str) -> None:
    for loosen in ("", ", ".join({other for other, _ in LOOSER} - {name})):
        with pytest.raises(ConfigError) as caught:
            planned(gates, loosen)
        (problem,) = caught.value.problems
        assert problem.path == "images/a/image.yml" and problem.line > 1
        assert "is looser than the project's policy" in problem.message
        assert problem.suggestion == f"policy: {{loosen: [{name}]}} in lockage.yml lets images do so"
    planned(gates, name)


@pytest.mark.parametrize(
    "gates",
    [
        "vulnerabilities: {fail_on: [CRITICAL, HIGH, LOW]}",
        "vulnerabilities: {fail_on: [HIGH, CRITICAL], unfixed: fail, ignore: []}",
        "vulnerabilities: {grace: {HIGH: 0d}, cvss: 4, known_exploited: {file: images/_policy/kev.json}}",
        "vulnerabilities: {scanner: both}",
        "vulnerabilities: {scanner: trivy}",
        "secrets: fail",
        "size: {max: 10MB}",
        "size: {max: 1kB}",
        "size: {target: 1GB, growth: 9.5%}",
        "secrets: {fail_on: [UNKNOWN, LOW, MEDIUM, HIGH, CRITICAL]}",
        "licenses: {allow: [MIT, BSD-3-Clause], deny: [GPL-*], unknown: fail}",
        "licenses: {deny: [GPL-3.0-only, X11]}",
        "tests: required",
    ],
)
def test_an_image_may_always_be_stricter(gates: str) -> None:
    planned(gates)


def test_an_image_has_a_limit_of_its_own_where_the_project_has_none() -> None:
    plan(folder("a", image(more="gates: {size: {max: 1GB}}\n")), PROJECT)


def test_every_file_of_an_image_is_held_to_it() -> None:
    files = folder("a", {"image.yml": "gates: {secrets: warn}\n"})
    files |= folder("a/1", image(more="gates: {secrets: fail}\n"))
    with pytest.raises(ConfigError) as caught:
        plan(files, PROJECT)
    assert [problem.path for problem in caught.value.problems] == ["images/a/image.yml"]
