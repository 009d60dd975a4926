"""Links planted where this program keeps its lock and its signing key: nothing is written behind them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pipeline.cli.instance.lock_file import LockFile
from pipeline.cli.instance.signing_key import signing_key
from pipeline.config import Lock
from pipeline.errors import ConfigError, EnvironmentProblem


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text("precious")
    return path


def test_the_lock_replaces_no_file_that_a_link_names(tmp_path: Path, victim: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for name in (".lockage.lock.new", ".lockage.lock.part", "lockage.lock"):
        (root / name).symlink_to(victim)
    lock = LockFile(root / "lockage.lock")
    with pytest.raises(ConfigError):
        lock.read()
    lock.write(Lock.of({}))
    assert lock.read() == Lock.of({})
    assert victim.read_text() == "precious"


def test_the_password_of_the_key_goes_to_nobody(tmp_path: Path, victim: Path) -> None:
    keys = tmp_path / "data/keys"
    keys.mkdir(parents=True)
    for name in (".password.new", "password", ".cosign.key.new"):
        (keys / name).symlink_to(victim)
    pair = signing_key({}, tmp_path / "data")
    assert victim.read_text() == "precious"
    assert signing_key({}, tmp_path / "data") == pair
    assert {stat.S_IMODE((keys / n).lstat().st_mode) for n in ("password", "cosign.key")} == {0o600}
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700


def test_a_folder_of_keys_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/keys").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EnvironmentProblem, match="is a symbolic link"):
        signing_key({}, tmp_path / "data")
    assert not list((tmp_path / "elsewhere").iterdir())
