"""The arguments of the module as values."""

from __future__ import annotations

from unittest.mock import sentinel

from pipeline.module.lockage import Lockage


def test_no_mirror_is_none_at_all() -> None:
    """`.env` gives an empty one where its variable is not set; with mirrors, the source's lock is not in force."""
    assert Lockage(source=sentinel.source, mirrors=["", " "]).given().mirrors == ()
    assert Lockage(source=sentinel.source, mirrors=["docker.io=h", ""]).given().mirrors == ("docker.io=h",)
