"""What is named by references alone is looked up in their registries: no instance is started, nothing is built."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tools import warm
from tests.tools.ports import free_port
from tests.tools.signing.bundles import public

COMMANDS = (
    "verify {image} --key {key}",
    "verify {image} {image} --key {key} --json",
    "copy {image} {other}",
    "compare {image} {other}",
    "artifact show {image}",
    "artifact pull {image}",
    "artifact push {image} key.pub:text/plain",
)


@pytest.fixture(scope="module")
def nobody() -> str:
    """A registry where nothing listens."""
    return f"localhost:{free_port()}"


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory, nobody: str) -> dict[str, tuple[Path, warm.Ended]]:
    """Where each command ran and how it ended; all at the same time, for each waits before it asks again."""
    folders = [tmp_path_factory.mktemp("command") for _ in COMMANDS]
    keep = {name: value for name, value in os.environ.items() if not name.startswith("LOCKAGE_")}
    requests = []
    for command, folder in zip(COMMANDS, folders, strict=True):
        key = folder / "key.pub"
        key.write_bytes(public())
        named = {"image": f"{nobody}/x:1", "other": f"{nobody}/y:1", "key": str(key)}
        own = {"LOCKAGE_HOME": str(folder / "home"), "LOCKAGE_CACHE": str(folder / "cache")}
        words = [word.format(**named) for word in command.split()]
        requests.append(warm.Request(words, folder, {**keep, **own, "LOCKAGE_IMAGES": "lab"}))
    results = zip(folders, warm.run_together(requests, timeout=60), strict=True)
    return dict(zip(COMMANDS, results, strict=True))


@pytest.mark.parametrize("command", COMMANDS)
def test_images_of_other_registries_start_nothing(
    ended: dict[str, tuple[Path, warm.Ended]], nobody: str, command: str
) -> None:
    """Not even where nothing answers: the request is refused, and the home stays as empty as it was."""
    folder, done = ended[command]
    assert done.code == 5 and f"cannot reach {nobody}" in done.err + done.out, done.err
    assert not (folder / "home").exists() and not (folder / "cache").exists()


def test_a_key_that_has_signed_nothing_is_not_made_to_verify(tmp_path: Path) -> None:
    """The public key alone is enough, from the environment too."""
    image, home = f"localhost:{free_port()}/x:1", tmp_path / "home"
    environ = {n: v for n, v in os.environ.items() if not n.startswith(("LOCKAGE_", "COSIGN_"))}
    environ |= {"LOCKAGE_HOME": str(home), "LOCKAGE_CACHE": str(tmp_path / "cache")}
    (tmp_path / "rules.yml").write_text("verify:\n- images: ['**']\n  attestations: [sbom]\n")
    (tmp_path / "file").touch()
    for command in (
        *("verify {}", "verify --rules rules.yml {}", "verify --file file"),
        *("sbom {}", "sbom check {}", "diff {} {}", "rebuild --from-provenance {}"),
    ):
        words = command.replace("{}", image).split()
        done = warm.run(words, cwd=tmp_path, env=environ, timeout=60)
        assert done.code == 2 and "there is no key to verify with" in done.err, done.err
        assert "--key" in done.err and not home.exists()
    done = warm.run(
        ["verify", image], cwd=tmp_path, env=environ | {"COSIGN_PUBLIC_KEY": public().decode()}, timeout=60
    )
    assert done.code == 5 and not home.exists(), done.err
