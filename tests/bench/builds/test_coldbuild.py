"""The cold build's benchmark counts what has ended, and builds nothing before its base."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.buildkit.order import frontend_options, output
from tests.bench.clock import Failed
from tests.bench.processor import used

from .coldbuild import _in_order
from .orders import BUILDS, Image, order_like, replace_bases

_BURN = "import time\nwhile time.process_time() < 0.5: pass"


def test_processor_time_of_what_has_ended_is_counted() -> None:
    """A shell that waited for its child, and now does nothing itself."""
    script = f"{sys.executable} -c '{_BURN}'; echo done; read line"
    with subprocess.Popen(
        ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as shell:
        assert shell.stdout and shell.stdin
        assert shell.stdout.readline() == "done\n"
        assert used(shell.pid) >= 0.4
        shell.stdin.close()


def _target(name: str, *bases: str) -> dict[str, Any]:
    return {"id": name, "bases": [{"kind": "internal", "name": base, "target": base} for base in bases]}


def test_dependents_get_the_digests_of_their_bases() -> None:
    """And the clients' processor time is added up."""
    seen: dict[str, set[str]] = {}

    def build(target: dict[str, Any], digests: dict[str, tuple[str, str]]) -> tuple[str, float]:
        seen[target["id"]] = set(digests)
        return f"digest of {target['id']}", 0.5

    cpu, pushed = _in_order([_target("a"), _target("b", "a"), _target("c", "b", "a"), _target("d")], build)
    assert cpu == 2.0
    assert {digest for _, digest in pushed.values()} == {f"digest of {name}" for name in "abcd"}
    assert seen["a"] == set() and "a" in seen["b"] and {"a", "b"} <= seen["c"]


def test_a_build_that_fails_ends_the_benchmark() -> None:
    """None of its dependents is begun."""
    begun: list[str] = []

    def build(target: dict[str, Any], digests: dict[str, tuple[str, str]]) -> tuple[str, float]:
        begun.append(target["id"])
        raise Failed("no")

    with pytest.raises(Failed):
        _in_order([_target("a"), _target("b", "a")], build)
    assert begun == ["a"]


def test_from_names_a_digest(tmp_path: Path) -> None:
    """Only FROM is replaced; a base that is not known is an error, not another image."""
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM base:1\nRUN echo FROM base:1\n")
    replace_bases(dockerfile, {"base:1": "localhost:5000/base@sha256:0"})
    assert dockerfile.read_text() == "FROM localhost:5000/base@sha256:0\nRUN echo FROM base:1\n"
    with pytest.raises(KeyError):
        replace_bases(dockerfile, {})


def test_the_peer_builds_by_the_same_order() -> None:
    """Time, labels and annotations are those of the image; the base's annotations are no labels."""
    annotations = {"org.opencontainers.image.title": "A", "org.opencontainers.image.base.name": "debian:12"}
    image = Image({"annotations": annotations, "layers": []}, {"created": "2026-11-01T00:00:00Z"})
    target = {"id": "a/1/linux-amd64", "platform": "linux/amd64", "arguments": {"x": "1"}}
    order = order_like(image, target, f"localhost:5000/{BUILDS}")
    assert "annotation.org.opencontainers.image.base.name=debian:12" in output(order)
    assert frontend_options(order) == {
        "platform": "linux/amd64",
        "build-arg:SOURCE_DATE_EPOCH": "1793491200",
        "build-arg:x": "1",
        "label:org.opencontainers.image.title": "A",
    }
