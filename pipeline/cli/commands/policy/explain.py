"""policy explain: the gates of one target, with the file and line of each value."""

from __future__ import annotations

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import group, positional
from ...command import Command
from ...common_options import CommonOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainOptions:
    """What `policy explain` understands."""

    common: CommonOptions = group(CommonOptions)
    target: str = positional(metavar="TARGET", help="image:tag or image/tag/platform, of the plan")


def explain(options: ExplainOptions) -> int:
    """Print the gates of a target. Raises ConfigError, and UsageError for a name of several targets, or of none."""
    from ...planning.explain import print_gates
    from ...planning.reader import PlanReader, PlanRequest

    plan = PlanReader(PlanRequest(options.common.root)).read_known()
    print_gates(plan, options.target, options.common.root, as_json=options.common.json)
    return Exit.OK


COMMAND = Command(ExplainOptions, explain)
