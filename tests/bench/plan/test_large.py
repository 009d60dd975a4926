"""The large catalogue is what the figures say it is: so many targets, the same ones in the bake file."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.catalogue import lock_of, read_source
from pipeline.plan import make_plan

from . import large


def test_the_bake_file_has_the_targets_of_the_plan(tmp_path: Path) -> None:
    """Every target by a name of its own, with the bases that it has in the plan."""
    large.write(tmp_path, images=20)
    source = read_source(tmp_path)
    plan = json.loads(make_plan(source, lock=lock_of(source)).to_json())
    assert len(plan["targets"]) == 20 * 5
    assert all(target["key"] for target in plan["targets"])
    bake = json.loads(large.bake_file(plan, "dist"))["target"]
    assert len(bake) == 100
    stands_on = bake["image0001_1-0-0_linux-amd64"]["contexts"]
    assert stands_on == {"image0000:1": "target:image0000_1-1-0_linux-amd64"}
    assert {one["context"] for one in bake.values()} >= {"dist/image0004/1.0.0-dev"}
    targets = {context for one in bake.values() for context in one["contexts"].values()}
    assert targets <= {f"target:{name}" for name in bake}


def test_its_templates_are_of_every_kind(tmp_path: Path) -> None:
    """Most are plain, some include others, some need jinja2."""
    large.write(tmp_path, images=20)
    texts = [path.read_text() for path in tmp_path.rglob("*.tmpl")]
    assert sum("{% include" in text for text in texts) == 5
    assert sum("{% set" in text for text in texts) == 1
    assert len(list(tmp_path.rglob("rootfs/etc/info"))) == 7
