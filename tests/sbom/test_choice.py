"""Of several documents about an image, the one that readers take."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.sbom.current_document import current, serial

DIGEST = "sha256:" + "a" * 64


def cyclonedx(syft: str = "1.18.1", edition: str = "1", about: str = DIGEST, **others: Any) -> dict[str, Any]:
    tools = [{"name": "syft", "version": syft}, {"name": "lockage-sbom", "version": edition}]
    return {
        "bomFormat": "CycloneDX",
        "metadata": {"component": {"purl": about}, "tools": {"components": tools}},
        **others,
    }


def spdx(syft: str, edition: str) -> dict[str, Any]:
    creators = ["Organization: x", f"Tool: syft-{syft}", f"Tool: lockage-sbom-{edition}"]
    return {"spdxVersion": "SPDX-2.3", "name": DIGEST, "creationInfo": {"creators": creators}}


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (cyclonedx(about="another"), cyclonedx("1.2.0")),
        (cyclonedx("1.9.0"), cyclonedx("1.18.0")),
        (cyclonedx("2.0.0", "9"), cyclonedx("1.0.0", "10")),
        (spdx("1.9.0", "1"), spdx("1.18.0", "1")),
        (spdx("1.9.0", "1"), spdx("1.9.0", "2")),
        (cyclonedx(components=["other"]), cyclonedx(components=["linked"])),
        ({"bomFormat": "CycloneDX", "metadata": {"tools": [DIGEST]}}, cyclonedx()),  # by syft alone
    ],
)
def test_the_newest_that_names_the_digest(older: Any, newer: Any) -> None:
    assert current([older, newer], DIGEST, ["linked"]) == newer == current([newer, older], DIGEST, ["linked"])


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"spdxVersion": 2},
        {"spdxVersion": "SPDX-2.3", "creationInfo": {"creators": [None, 7]}},
        {"metadata": None},
        {"metadata": {"tools": {"components": [{"version": 1}, 2]}}},
        cyclonedx("9" * 10_000, "9" * 10_000, about="another"),
        {"text": "\ud800" + DIGEST},
    ],
)
def test_odd_documents_count_less_and_crash_nothing(odd: Any) -> None:
    assert current([odd, cyclonedx()], DIGEST) == cyclonedx()


def test_none_without_documents() -> None:
    assert current([], DIGEST) is None and current([{"text": "\ud800"}], DIGEST) is None


def test_serial_numbers() -> None:
    number = "3e671687-395b-41f5-a30f-a58921a69b79"
    assert serial({"serialNumber": f"urn:uuid:{number}"}) == number
    assert serial({"documentNamespace": f"https://spdx.org/spdxdocs/app-{number}"}) == number
    assert serial({}) == ""
