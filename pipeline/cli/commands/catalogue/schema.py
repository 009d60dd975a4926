"""schema: JSON Schema of what people write and of what the program writes, for editors and other programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import group, positional
from ...command import Command
from ...common_options import CommonOptions
from ...output import console

SchemaKind = Literal[
    "image",
    "variant",
    "project",
    "lock",
    "verification",
    "plan",
    "report",
    "retention",
    "saved-plan",
    "ci",
]
SCHEMAS: tuple[SchemaKind, ...] = get_args(SchemaKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaOptions:
    """What `schema` understands."""

    common: CommonOptions = group(CommonOptions)
    kind: SchemaKind = positional(
        choices=SCHEMAS,
        help="which file (plan, retention: what `--json` of the command prints; report: report.json of --reports; "
        "saved-plan: what --plan-file writes; ci: "
        "ci/lockage.yml)",
    )


def schema(options: SchemaOptions) -> int:
    """Print one schema; it is JSON with and without `--json`."""
    console.print_json(schema_of(options.kind))
    return Exit.OK


def schema_of(kind: SchemaKind) -> Mapping[str, object]:
    """The JSON Schema of a kind of file."""
    from pipeline.config import schema as config
    from pipeline.plan.schema import plan_schema
    from pipeline.policy.retention.schema import retention_schema
    from pipeline.release.saved import SCHEMA
    from pipeline.report.schema import report_schema

    schemas: dict[SchemaKind, Callable[[], Mapping[str, object]]] = {
        "image": config.image_schema,
        "variant": config.variant_schema,
        "project": config.project_schema,
        "lock": config.lock_schema,
        "verification": config.verification_schema,
        "plan": plan_schema,
        "report": report_schema,
        "retention": retention_schema,
        "saved-plan": lambda: SCHEMA,
        "ci": config.ci_schema,
    }
    return schemas[kind]()


COMMANDS = {"schema": Command(SchemaOptions, schema)}
