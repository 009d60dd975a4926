"""Hands out the groups of tests/workers.py, one after the other in the order in which they were collected."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests import workers


class Groups(LoadScopeScheduling):
    """A process that has done its group gets the next one."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return workers.group_of(nodeid)
