"""Two runs of the same catalogue at once, as two machines have them: one winner, no error, nothing twice in the end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import ROOT, Site
from tests.real.tools import crane, tags
from tests.tools.git import clone, commit

pytestmark = pytest.mark.real


def test_two_runs_at_once_end_with_one_image(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    child = {
        "images/child/image.yml": samples.image("1.0.0"),
        "images/child/Dockerfile.tmpl": (
            f"{samples.DEBIAN.strip()} AS made\nRUN sleep 1 && date > /etc/moment\n"
            "FROM hello:1.2.3\nCOPY --from=made /etc/moment /etc/moment\n"
        ),
    }
    one = project({**samples.hello(), **child})
    two = tmp_path / "another"
    clone(one, two)
    outputs = at_once(site, one, two)

    after = site.run("run", "--json", cwd=one).json
    assert {t["status"] for t in after["targets"]} == {"reused"}
    assert not any(image["written"] for image in after["images"])
    seen = {
        image["image"]: {
            i["index"]
            for out, _ in outputs
            for i in json.loads(out)["images"]
            if i["image"] == image["image"]
        }
        for image in after["images"]
    }
    for image in after["images"]:
        assert image["index"] in seen[image["image"]]
        for reference in image["promoted"]:
            assert crane("digest", reference) == image["index"]
            crane("validate", "--remote", reference)
        commit_tags = tags(image["reference"].partition("@")[0].rpartition(":")[0])
        assert len(commit_tags) == 1


def test_two_commits_that_build_the_same_key_at_once_agree_on_one_digest(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    """Their labels differ, so what each would build differs; the first under the key is what both take."""
    one = project(samples.hello())
    two = tmp_path / "another"
    clone(one, two)
    commit(two, "another commit of the same images")
    outputs = at_once(site, one, two)
    (first,), (second,) = (json.loads(out)["targets"] for out, _ in outputs)
    assert first["digest"] == second["digest"]
    after = site.run("run", "--json", cwd=one).json
    assert after["targets"][0]["digest"] == first["digest"]
    repository = after["images"][0]["reference"].partition("@")[0].rpartition(":")[0]
    assert {crane("digest", f"{repository}:{tag}") for tag in tags(repository)} == {
        after["images"][0]["index"]
    }


def at_once(site: Site, *roots: Path) -> list[tuple[str, str]]:
    """`lockage run` in every folder at the same time; stdout and stderr of each. All must succeed."""
    runs = [
        subprocess.Popen(
            site.command("run", "--json"),
            cwd=root,
            env={**site.env, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for root in roots
    ]
    outputs = [run.communicate(timeout=1200) for run in runs]
    assert [run.returncode for run in runs] == [0] * len(runs), "\n".join(err for _, err in outputs)
    return outputs
