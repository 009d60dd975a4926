"""Which certificate authorities an engine is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.lab.engine import certificates
from pipeline.lab.namespaces.engine import LabEngine
from pipeline.lab.settings import LabSettings


def _settings(**environ: str) -> LabSettings:
    return LabSettings.from_env({"HOME": "/nowhere", **environ})


def test_a_folder_that_is_named_is_taken_and_none_is_none(tmp_path: Path) -> None:
    """An absolute path, since an engine is started elsewhere; where none is named, the machine's own."""
    assert certificates.folder(_settings(LOCKAGE_CERTIFICATES=str(tmp_path))) == tmp_path
    assert certificates.folder(_settings(LOCKAGE_CERTIFICATES="none")) is None
    usual = Path("/usr/local/share/ca-certificates")
    assert certificates.folder(_settings()) == (usual if usual.is_dir() else None)
    assert certificates.folder(_settings(LOCKAGE_CERTIFICATES="")) == certificates.folder(_settings())


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A mistyped folder must not look like one without certificates."""
    with pytest.raises(UsageError, match=r"LOCKAGE_CERTIFICATES=.*/missing is not a folder"):
        certificates.folder(_settings(LOCKAGE_CERTIFICATES=str(tmp_path / "missing")))


def test_another_choice_is_another_engine(tmp_path: Path) -> None:
    """An engine that runs with other certificates is started again; without a choice its key stays what it was."""
    keys = {
        LabEngine(_settings(**environ)).key(5000)
        for environ in ({}, {"LOCKAGE_CERTIFICATES": "none"}, {"LOCKAGE_CERTIFICATES": str(tmp_path)})
    }
    assert len(keys) == 3
    assert LabEngine(_settings(LOCKAGE_CERTIFICATES="")).key(5000) == LabEngine(_settings()).key(5000)
