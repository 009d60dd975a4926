"""schema: JSON Schema of what people write and of what the program writes, for editors and other programs."""

from __future__ import annotations

import argparse
from typing import Any

from pipeline.errors import Exit

from .. import output


def schema(options: argparse.Namespace) -> int:
    """Print one schema; it is JSON with and without `--json`."""
    output.data(schema_of(options.kind))
    return Exit.OK


def schema_of(kind: str) -> dict[str, Any]:
    """The schema of `image`, `variant`, `project`, `lock` or `plan`."""
    if kind == "plan":
        from pipeline.plan.schema import plan_schema

        return plan_schema()
    from pipeline.config import schema

    return getattr(schema, f"{kind}_schema")()
