"""A mirror's prefix may make a path longer than registries take: one error."""

from __future__ import annotations

import pytest

from pipeline.errors import UsageError
from pipeline.model import Mirrors, Reference


def test_a_path_that_a_prefix_makes_too_long_is_one_error() -> None:
    mirrors = Mirrors.parse({"docker.io": "localhost:5000/hub"})
    assert str(mirrors.locate(Reference.parse("docker.io/a/b:1"))) == "localhost:5000/hub/a/b:1"
    with pytest.raises(UsageError, match="too long below that"):
        mirrors.locate(Reference.parse("docker.io/" + "/".join(["a"] * 127)))
