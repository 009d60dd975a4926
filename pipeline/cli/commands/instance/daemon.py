"""The argument that chooses one of the two daemons."""

from __future__ import annotations

from typing import Any, Literal

from ...arguments import positional

Daemon = Literal["engine", "registry"]


def daemon_argument() -> Any:
    """`[engine|registry]`: only this one; both by default."""
    return positional(nargs="?", default=None, choices=("engine", "registry"), help="only this one")
