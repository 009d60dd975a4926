"""Limits that the environment sets."""

from __future__ import annotations

import pytest

from pipeline.cli.instance.limits import seconds
from pipeline.errors import UsageError


def test_a_limit_is_a_number_of_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "LOCKAGE_BUILDER_LIMIT"
    for text, limit in (("7", 7.0), ("", 30.0), (None, 30.0)):
        monkeypatch.setenv(name, text) if text is not None else monkeypatch.delenv(name)
        assert seconds(name, 30.0) == limit
    for text in ("0", "-1", "1.5", "soon", "٣", "9" * 5000, "604801"):
        monkeypatch.setenv(name, text)
        with pytest.raises(UsageError, match=name):
            seconds(name, 30.0)
