"""Packages that documents list, and their differences."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.sbom import changes, packages_of


def document(*components: Any) -> Any:
    return {"bomFormat": "CycloneDX", "components": components}


def test_packages_by_package_url() -> None:
    found = packages_of(
        document(
            {"type": "library", "name": "b", "version": "2", "purl": "pkg:deb/debian/b@2?arch=amd64"},
            {"type": "library", "name": "b", "version": "1", "purl": "pkg:deb/debian/b@1?arch=amd64"},
            {"type": "application", "name": "busybox", "version": "1.36"},
            {"type": "operating-system", "name": "debian", "version": "12"},
            {"type": "file", "name": "etc/passwd"},
        )
    )
    assert found == {"busybox": ("1.36",), "pkg:deb/debian/b": ("1", "2")}


def test_changes() -> None:
    before = {"a": ("1",), "b": ("1",), "c": ("1", "2")}
    after = {"b": ("2",), "c": ("1", "2"), "d": ("3",)}
    assert [str(change) for change in changes(before, after)] == ["- a 1", "~ b 1 -> 2", "+ d 3"]
    assert [*changes(before, before)] == []


@pytest.mark.parametrize("other", [{}, {"bomFormat": "SPDX"}])
def test_other_documents_are_refused(other: Any) -> None:
    with pytest.raises(ValueError):
        packages_of(other)
