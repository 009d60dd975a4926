"""VEX documents and the list of exploited vulnerabilities: read strictly, with the place of what is wrong."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.json_document import DocumentFault
from pipeline.model.known_exploited import KnownExploited
from pipeline.model.vex import PackageUrl, VexStatus, read_vex

OPENVEX: dict[str, Any] = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://example.org/vex/1",
    "author": "team",
    "timestamp": "2026-11-01T00:00:00Z",
    "version": 1,
    "statements": [
        {
            "vulnerability": {"name": "CVE-1", "aliases": ["GHSA-1"]},
            "products": [{"@id": "pkg:deb/debian/curl@1"}],
            "status": "not_affected",
            "justification": "component_not_present",
        },
        {
            "vulnerability": {"name": "CVE-2"},
            "products": [
                {
                    "@id": "https://example.org/image",
                    "identifiers": {"purl": "pkg:oci/a?repository_url=r.io/x/a"},
                    "hashes": {"sha-256": "1" * 64},
                    "subcomponents": [{"@id": "pkg:pypi/Some_Lib"}],
                }
            ],
            "status": "affected",
            "action_statement": "wait",
        },
    ],
}
CYCLONEDX: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "components": [{"type": "library", "name": "curl", "bom-ref": "c", "purl": "pkg:deb/debian/curl@1"}],
    "vulnerabilities": [
        {
            "id": "CVE-1",
            "references": [{"id": "GHSA-1"}],
            "analysis": {"state": "not_affected", "justification": "code_not_reachable"},
            "affects": [{"ref": "c"}, {"ref": "urn:cdx:x/1#pkg:npm/a%401"}, {"ref": "urn:cdx:x/1#other"}],
        },
        {"id": "CVE-2", "analysis": {"state": "in_triage"}, "affects": [{"ref": "pkg:npm/b@2"}]},
        {"id": "CVE-3"},
    ],
}


def read(data: object, *, attested: bool = False) -> Any:
    return read_vex(json.dumps(data).encode(), "f.json", attested=attested).statements


def test_openvex() -> None:
    away, affected = read(OPENVEX)
    assert away.vulnerabilities == {"CVE-1", "GHSA-1"} and away.status is VexStatus.NOT_AFFECTED
    assert away.reason == "component_not_present"
    (product,) = affected.products
    assert affected.status is VexStatus.AFFECTED and product.digests == {"sha256:" + "1" * 64}
    assert product.packages == (PackageUrl.parse("pkg:pypi/some-lib"),)


def test_cyclonedx() -> None:
    away, triage = read(CYCLONEDX)
    assert away.vulnerabilities == {"CVE-1", "GHSA-1"} and away.reason == "code_not_reachable"
    assert [p.purl for p in away.products] == [
        PackageUrl.parse("pkg:deb/debian/curl@1"),
        PackageUrl.parse("pkg:npm/a@1"),
    ]
    assert triage.status is VexStatus.UNDER_INVESTIGATION


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("resolved", VexStatus.FIXED),
        ("resolved_with_pedigree", VexStatus.FIXED),
        ("false_positive", VexStatus.NOT_AFFECTED),
        ("exploitable", VexStatus.AFFECTED),
    ],
)
def test_states_of_cyclonedx(state: str, status: VexStatus) -> None:
    data = deepcopy(CYCLONEDX)
    data["vulnerabilities"][0]["analysis"] = {"state": state}
    assert read(data)[0].status is status


def test_of_the_versions_that_cyclonedx_lists_only_unaffected_ones_are_taken_out() -> None:
    data = deepcopy(CYCLONEDX)
    versions = [
        {"version": "1", "status": "unaffected"},
        {"version": "2", "status": "affected"},
        {"range": "vers:x"},
    ]
    data["vulnerabilities"][0]["affects"] = [{"ref": "c", "versions": versions}]
    assert [p.purl.version for p in read(data)[0].products] == ["1"]
    data["vulnerabilities"][0]["analysis"] = {"state": "exploitable"}
    assert len(read(data)[0].products) == 1


def test_what_is_attested_on_an_image_may_leave_the_product_out() -> None:
    data = deepcopy(OPENVEX)
    del data["statements"][0]["products"]
    assert read(data, attested=True)[0].products is None
    assert read(data, attested=True)[0].covers((), None)  # type: ignore[arg-type]
    with pytest.raises(DocumentFault, match=r"statements\[0\]: products is missing"):
        read(data)


OPENVEX_FAULTS: list[tuple[tuple[str | int, ...], object, str]] = [
    (("@context",), "https://openvex.dev/ns", "is not https://openvex.dev/ns/v0.2.0"),
    (("author",), "", "author is missing"),
    (("statement",), [], "'statement' is not a key here"),
    (("statements",), [], "statements is missing or empty"),
    (("statements",), {}, "a list is expected"),
    (("statements", 0), "x", "an object is expected"),
    (("statements", 0, "status"), "unaffected", "is not a status"),
    (("statements", 0, "status"), 5, "a text is expected"),
    (("statements", 0, "justification"), "because", "is not a justification"),
    (("statements", 0, "justification"), "", "needs a justification"),
    (("statements", 0, "vulnerability"), {}, "name is missing"),
    (("statements", 0, "vulnerability", "aliases"), [1], "a text is expected"),
    (("statements", 0, "products", 0, "@id"), "pkg:deb", "is not a package URL"),
    (("statements", 0, "products", 0, "@id"), "pkg:oci/a", "neither digest nor repository_url"),
    (("statements", 1, "products", 0, "hashes", "sha-256"), "1", "is not a SHA-256"),
    (("statements", 1, "products", 0, "subcomponents", 0, "@id"), "cpe:x", "has no package URL"),
]
CYCLONEDX_FAULTS: list[tuple[tuple[str | int, ...], object, str]] = [
    (("specVersion",), "1.3", "is not 1.4"),
    (("vulnerabilities",), [], "states nothing"),
    (("vulnerabilities", 0, "id"), "", "id is missing"),
    (("vulnerabilities", 0, "affects"), [], "about no component"),
    (("vulnerabilities", 0, "affects", 0, "ref"), "other", "is no component"),
    (("vulnerabilities", 0, "analysis", "state"), "safe", "is not a state"),
    (("vulnerabilities", 0, "analysis", "justification"), "because", "is not a justification"),
    (("vulnerabilities", 0, "analysis", "justification"), None, "needs a justification or a detail"),
]


@pytest.mark.parametrize(
    ("document", "place", "value", "message"),
    [*((OPENVEX, *f) for f in OPENVEX_FAULTS), *((CYCLONEDX, *f) for f in CYCLONEDX_FAULTS)],
)
def test_faults_have_a_place(
    document: dict[str, Any], place: tuple[str | int, ...], value: object, message: str
) -> None:
    data: Any = deepcopy(document)
    parent = data
    for step in place[:-1]:
        parent = parent[step]
    parent[place[-1]] = value
    with pytest.raises(DocumentFault) as caught:
        read(data)
    at = caught.value.place
    assert message in caught.value.message
    assert at[: len(place)] == place[: len(at)] and len(place) - len(at) <= 1


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"a": 1,\n  b}', "line 2: is not JSON"),
        (b'{"a": 1, "a": 2}', "is repeated"),
        (b"\xff", "not UTF-8"),
        (b"[]", "an object is expected"),
        (b"{}", "no VEX document"),
        (b"[" * 5000, "is not JSON"),
    ],
)
def test_what_is_no_document(raw: bytes, message: str) -> None:
    with pytest.raises(DocumentFault, match=message):
        read_vex(raw, "f.json")


def test_the_list_of_exploited_vulnerabilities() -> None:
    raw = json.dumps(
        {
            "catalogVersion": "2026.11.01",
            "vulnerabilities": [{"cveID": "CVE-2021-44228"}, {"cveID": "CVE-2014-0160"}],
        }
    ).encode()
    known = KnownExploited.parse(raw, "kev.json")
    assert known.ids == {"CVE-2021-44228", "CVE-2014-0160"} and known.version == "2026.11.01"
    for bad, message in (
        ({"vulnerabilities": []}, "has no vulnerabilities"),
        ({"vulnerabilities": [{"cveID": "log4j"}]}, r"vulnerabilities\[0\].cveID: 'log4j' is not a CVE"),
        ({"vulnerabilities": [{}]}, "cveID is missing"),
    ):
        with pytest.raises(DocumentFault, match=message):
            KnownExploited.parse(json.dumps(bad).encode(), "kev.json")


@pytest.mark.parametrize("text", ["", "pkg:", "pkg:deb", "pkg:deb/", "deb/a", "pkg:/a", "pkg:d b/a@1"])
def test_what_is_no_package_url(text: str) -> None:
    with pytest.raises(ValueError, match="is not a package URL"):
        PackageUrl.parse(text)


def test_package_urls_are_decoded() -> None:
    purl = PackageUrl.parse("pkg:npm/%40scope/Name@1.0%2B1?a=b%20c#sub/path")
    assert (purl.namespace, purl.name, purl.version, dict(purl.qualifiers)) == (
        "@scope",
        "name",
        "1.0+1",
        {"a": "b c"},
    )
    assert PackageUrl.parse("pkg:golang/github.com/a/b@v1").namespace == "github.com/a"
    assert PackageUrl.parse("pkg:npm/@scope/a").version == ""


@given(st.text(max_size=40))
def test_any_text_is_a_package_url_or_refused(text: str) -> None:
    try:
        purl = PackageUrl.parse(f"pkg:{text}")
    except ValueError:
        return
    assert purl.covers(purl)
