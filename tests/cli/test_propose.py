"""`lock --propose` where it must not: for a pull request, and with `--check`; before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools import warm


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        ((), {"JENKINS_URL": "https://ci.example/", "CHANGE_ID": "7"}, "`lockage lock --propose` writes"),
        (("--check",), {}, "--check writes nothing"),
    ],
)
def test_refused(arguments: tuple[str, ...], environ: dict[str, str], message: str, tmp_path: Path) -> None:
    (tmp_path / "lockage.yml").write_text("version: 1\nproject: demo\n")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **environ}
    ended = warm.run(["lock", "--propose", *arguments], cwd=tmp_path, env=env)
    assert ended.code == 2 and message in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["lockage.yml"]
