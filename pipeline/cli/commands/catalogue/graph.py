"""graph: targets and their bases as a graph."""

from __future__ import annotations

from typing import Literal

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import group, option
from ...command import Command
from ...common_options import CatalogueOptions, CommonOptions, locked_flag, snapshot_option
from ...output import console


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphOptions:
    """What `graph` understands."""

    common: CommonOptions = group(CommonOptions)
    catalogue: CatalogueOptions = group(CatalogueOptions)
    format: Literal["text", "json", "dot", "mermaid"] = option(
        "--format",
        choices=("text", "json", "dot", "mermaid"),
        default="text",
        help="how to print it (default: text)",
    )
    locked: bool = locked_flag()
    snapshot_id: str | None = snapshot_option()


def graph(options: GraphOptions) -> int:
    """Print the graph as text, JSON, DOT or Mermaid; `--json` is `--format json`."""
    from pipeline.plan import RENDERERS, graph_of

    from ...planning.reader import PlanReader, PlanRequest

    request = PlanRequest.of(
        options.common, options.catalogue, locked=options.locked, snapshot_id=options.snapshot_id
    )
    plan = PlanReader(request).read_known()
    form = "json" if options.common.json else options.format
    show = console.print_json_text if form == "json" else console.print_text
    show(RENDERERS[form](graph_of(plan)))
    return Exit.OK


COMMANDS = {"graph": Command(GraphOptions, graph)}
