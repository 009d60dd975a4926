"""BuildKit on the engine: what a Dockerfile does wrong, several builds at once, and what they cost."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.real import samples
from tests.real.processes import buildkitd, wait_to_find
from tests.real.site import ROOT, Site
from tests.real.tools import crane
from tests.tools.git import commit

from .held import end, going, held, wake
from .test_inputs import traces

pytestmark = pytest.mark.real


# What the Dockerfile does wrong

WRONG = {
    "base": ("RUN true\n\nFROM debian:bookworm-slim@sha256:" + "0" * 64 + "\nRUN true\n", 4),
    "run": ("RUN echo started\n{# not in the Dockerfile #}\nRUN echo last words >&2; exit 9\n", 4),
    "heredoc": ("RUN <<EOF\nset -e\necho in the heredoc\nfalse\nEOF\n", 2),
    "copy": ("FROM scratch\nCOPY --from=0 /absent /here\n", 3),
    "option": ("RUN --mount=type=nonsense true\n", 2),
}
SAYS = {
    "base": ("not found", ""),
    "run": ("exit code: 9", "last words"),
    "heredoc": ("exit code: 1", "in the heredoc"),
    "copy": ('"/absent": not found', ""),
    "option": ("nonsense", ""),
}


def test_what_is_wrong_in_a_dockerfile_is_said_in_buildkits_words_at_the_templates_line(
    site: Site, project: Callable[..., Path]
) -> None:
    files = {}
    for name, (text, _) in WRONG.items():
        files[f"images/{name}/image.yml"] = samples.image("1.0.0")
        files[f"images/{name}/Dockerfile.tmpl"] = samples.DEBIAN + text
    done = site.run("build", "--json", cwd=project(files), expect=6)
    found = {t["image"]: t["error"] for t in done.json["targets"]}
    assert set(found) == set(WRONG) and "Traceback" not in done.err
    for name, error in found.items():
        words, output = SAYS[name]
        where = f"images/{name}/Dockerfile.tmpl:{WRONG[name][1]}: "
        assert error["message"].startswith(where), error
        assert words in error["message"] and output in error.get("detail", ""), error
        assert error["kind"] == "BuildError" and "lockage generate" in error["hint"]
        assert where in done.err and words in done.err


def test_build_checks_warn_and_fail_nothing(site: Site, project: Callable[..., Path]) -> None:
    root = project(
        {
            "images/a/image.yml": samples.image("1.0.0"),
            "images/a/Dockerfile.tmpl": "{# a comment of the template #}\nFROM scratch\nARG A_PASSWORD=x\n"
            "COPY rootfs/ /\nCMD sh\n",
            "images/a/rootfs/etc/hello": "hello\n",
        }
    )
    done = site.run("build", "--json", cwd=root)
    target = done.json["targets"][0]
    rules = {w["rule"]: w for w in target["warnings"]}
    assert target["status"] == "built" and {"SecretsUsedInArgOrEnv", "JSONArgsRecommended"} <= set(rules)
    assert "A_PASSWORD" in rules["SecretsUsedInArgOrEnv"]["message"]
    warnings = [line for line in done.err.splitlines() if "warning" in line]
    assert any("images/a/Dockerfile.tmpl:3: " in line and "A_PASSWORD" in line for line in warnings), done.err
    assert any("images/a/Dockerfile.tmpl:5: " in line for line in warnings)


# Several at once


def test_two_processes_that_build_the_same_at_once_agree(site: Site, project: Callable[..., Path]) -> None:
    """Two daemons on two states of one engine; what each builds differs, and the first under the key counts."""
    root = project(held("02"))
    with going(site, root, "build", "--json") as one, going(site, root, "build", "--json") as other:
        runs = wait_to_find(site, "sleep", "602", count=2)
        daemons = buildkitd(site)
        wake(runs)
        done = [end(one), end(other)]
    assert [d.code for d in done] == [0, 0], done
    states = {p.command[p.command.index("--root") + 1] for p in daemons}
    assert len(daemons) == len(states) == 2
    digests = {t["digest"] for d in done for t in d.json["targets"]}
    assert len(digests) == 1
    after = site.run("build", "--json", cwd=root).json
    assert {t["digest"] for t in after["targets"]} == digests and after["engine_used"] is False


def test_twenty_targets_at_once(site: Site, project: Callable[..., Path]) -> None:
    names = [f"i{n:02}" for n in range(20)]
    files = {}
    for name in names:
        files[f"images/{name}/image.yml"] = samples.image("1.0.0")
        files[f"images/{name}/Dockerfile.tmpl"] = "FROM scratch\nCOPY rootfs/ /\n"
        files[f"images/{name}/rootfs/name"] = f"{name}\n"
    root = project(files)
    done = site.run("build", "--json", "--jobs", "8", cwd=root).json
    assert [t["image"] for t in done["targets"]] == names
    assert {t["status"] for t in done["targets"]} == {"built"}
    assert len({t["digest"] for t in done["targets"]}) == 20
    for target in done["targets"][::7]:
        crane("validate", "--remote", f"{builds(site, root)}@{target['digest']}")
    [content] = (site.data / "engine").glob("worker/snapshots/snapshots/*/fs/0/runc-overlayfs/content")
    assert not traces(content, '"SpanContext": {'), (
        "BuildKit's history keeps the session's spans with every build"
    )


def builds(site: Site, root: Path) -> str:
    """The repository of builds of a project."""
    line = next(t for t in (root / "lockage.yml").read_text().splitlines() if t.startswith("builds:"))
    return f"{site.registry}/{line.partition(' ')[2]}"


def layers(site: Site, root: Path, target: dict[str, Any]) -> list[str]:
    """The digests of a target's layers."""
    manifest = json.loads(crane("manifest", f"{builds(site, root)}@{target['digest']}"))
    return [layer["digest"] for layer in manifest["layers"]]


def test_an_engine_that_was_started_again_still_has_buildkits_cache(
    site: Site, project: Callable[..., Path]
) -> None:
    word = samples.DEBIAN + "RUN head -c 20 /dev/urandom > /etc/word\n"
    root = project({"images/a/image.yml": samples.image("1.0.0"), "images/a/Dockerfile.tmpl": word})
    before = layers(site, root, site.run("build", "--json", cwd=root).json["targets"][0])
    site.run("down", "engine")
    site.run("up")
    text = (root / "lockage.yml").read_text()
    (root / "lockage.yml").write_text(re.sub("(?m)^builds: .*", r"\g<0>-anew", text))
    commit(root)
    done = site.run("build", "--json", cwd=root).json["targets"][0]
    assert done["status"] == "built" and layers(site, root, done) == before


# Memory


def test_what_is_built_does_not_go_through_the_programs_memory(
    site: Site, project: Callable[..., Path]
) -> None:
    """The largest that it ever was, for a small layer and for one of 256 MiB."""
    size = 256 << 20
    large = samples.DEBIAN + f"RUN head -c {size} /dev/urandom > /large\n"
    root = project(
        {
            "images/small/image.yml": samples.image("1.0.0"),
            "images/small/Dockerfile.tmpl": samples.DEBIAN + "RUN echo small > /small\n",
            "images/large/image.yml": samples.image("1.0.0"),
            "images/large/Dockerfile.tmpl": large,
        }
    )
    script = (
        "import sys; from pathlib import Path; from pipeline.cli import main; code = main(sys.argv[1:]);"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0], file=sys.stderr);"
        "sys.exit(code)"
    )
    peaks = {}
    for name in ("small", "large"):
        done = subprocess.run(
            [sys.executable, "-c", script, "build", name],
            cwd=root,
            env={**site.env, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=600,
            check=True,
        )
        peaks[name] = int(done.stderr.splitlines()[-1]) / 1024
    assert max(peaks.values()) < 110, peaks  # scrypt's 64 MiB are another process's
    assert peaks["large"] - peaks["small"] < 8, peaks
