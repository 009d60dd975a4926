"""Suppliers as packages say them."""

from __future__ import annotations

import pytest

from pipeline.sbom.supplier import Supplier


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("Michael Meskes <meskes@debian.org>", "Person: Michael Meskes (meskes@debian.org)"),
        (
            "Debian Adduser Developers <adduser@packages.debian.org>",
            "Organization: Debian Adduser Developers (adduser@packages.debian.org)",
        ),
        (
            "Laszlo Boszormenyi (GCS) <gcs@debian.org>",
            "Person: Laszlo Boszormenyi GCS (gcs@debian.org)",
        ),
        ("The pip developers <d@python.org>", "Organization: The pip developers (d@python.org)"),
        ("A <a@x.example>, B <b@x.example>", "Person: A (a@x.example)"),
        ('"Quoted, Name" <q@x.example>', "Person: Quoted, Name (q@x.example)"),
        ("<only@x.example>", "Person: only@x.example (only@x.example)"),
        ("Jörg\x1b[31m\nFrings <j@x.example>", "Person: Jörg [31m Frings (j@x.example)"),
        ("Nobody", "Person: Nobody"),
        ("Person: Ann (ann@x.example)", "Person: Ann (ann@x.example)"),
        ("Organization: Acme (https://acme.example)", "Organization: Acme"),
        ("Organization: Oracle", "Organization: Oracle"),
    ],
)
def test_as_spdx_has_it(text: str, spdx: str) -> None:
    supplier = Supplier.parse(text)
    assert supplier and supplier.spdx == spdx


@pytest.mark.parametrize("text", ["", "  ", "NOASSERTION", "NONE", "()", "<>", "\x00"])
def test_nobody_is_invented(text: str) -> None:
    assert Supplier.parse(text) is None


def test_a_vendor_is_an_organization_and_long_names_are_cut() -> None:
    supplier = Supplier.parse("Red Hat", organization=True)
    assert supplier and supplier.cyclonedx == {"name": "Red Hat"} and supplier.spdx == "Organization: Red Hat"
    long = Supplier.parse("x" * 10_000)
    assert long and len(long.name) == 200


def test_as_cyclonedx_has_it() -> None:
    supplier = Supplier.parse("Ann <ann@x.example>")
    assert supplier and supplier.cyclonedx == {
        "name": "Ann",
        "contact": [{"name": "Ann", "email": "ann@x.example"}],
    }
