"""Folders of the user alone: what others may have written to is refused."""

import os
import stat
from pathlib import Path

import pytest

from pipeline.errors import EnvironmentProblem
from pipeline.lab.settings import LabSettings
from pipeline.util.file_lock import try_lock
from pipeline.util.private_folder import private_folder, refuse_foreign

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")
STRANGER = 12345


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_missing_is_made_for_the_user_alone(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        private_folder(tmp_path / "cache/lockage/plans")
    finally:
        os.umask(umask)
    assert {_mode(tmp_path / part) for part in ("cache", "cache/lockage", "cache/lockage/plans")} == {0o700}


def test_a_folder_of_everybody_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for check in (private_folder, refuse_foreign):
        with pytest.raises(EnvironmentProblem, match="can be written by every user") as caught:
            check(tmp_path)
        assert caught.value.hint and "LOCKAGE_CACHE" in caught.value.hint
    tmp_path.chmod(0o1777)
    with pytest.raises(EnvironmentProblem):
        refuse_foreign(tmp_path)


def test_the_write_permission_of_a_group_is_taken_away(tmp_path: Path) -> None:
    tmp_path.chmod(0o775)
    refuse_foreign(tmp_path)
    assert _mode(tmp_path) == 0o755


@root_only
def test_a_folder_or_a_link_of_somebody_else_is_refused(tmp_path: Path) -> None:
    own, foreign, link = tmp_path / "own", tmp_path / "foreign", tmp_path / "link"
    own.mkdir(mode=0o700)
    foreign.mkdir(mode=0o700)
    os.chown(foreign, STRANGER, STRANGER)
    link.symlink_to(own)
    refuse_foreign(link)
    os.chown(link, STRANGER, STRANGER, follow_symlinks=False)
    for path in (foreign, link):
        with pytest.raises(EnvironmentProblem, match=f"belongs to the user with the id {STRANGER}"):
            private_folder(path)


@root_only
@pytest.mark.parametrize("variable", ["LOCKAGE_HOME", "LOCKAGE_CACHE"])
def test_the_settings_take_no_planted_folder(tmp_path: Path, variable: str) -> None:
    planted = tmp_path / "planted"
    planted.mkdir()
    environ = {"HOME": str(tmp_path), variable: str(planted)}
    LabSettings.from_env(environ)
    os.chown(planted, STRANGER, STRANGER)
    with pytest.raises(EnvironmentProblem, match="cannot be trusted"):
        LabSettings.from_env(environ)


def test_an_instance_that_somebody_planted_below_a_shared_home(tmp_path: Path) -> None:
    (tmp_path / "default").mkdir()
    (tmp_path / "default").chmod(0o777)
    with pytest.raises(EnvironmentProblem, match="cannot be trusted"):
        LabSettings.from_env({"LOCKAGE_HOME": str(tmp_path)})


def test_a_lock_that_is_a_link_empties_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "control.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(EnvironmentProblem, match=r"the lock .* cannot be used"):
        try_lock(tmp_path / "control.lock")
    assert (tmp_path / "victim").read_text() == "precious"
