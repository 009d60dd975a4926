"""images/ and lockage.yml to the frozen plan. Pure but for `read_source`, `plan_of`'s cache and `write`.

Names are imported when they are asked for: a plan that was kept is read back without pydantic, PyYAML and
jinja2, which only making one needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.lazy import names

if TYPE_CHECKING:
    from .affected import Affected, Impact, affected_by, affected_since, restricted
    from .aliases import automatic_aliases
    from .explain import explain_target
    from .explain_path import PathExplained, explain_rootfs
    from .generate import Change, Generated, check, context_files, generated_files, write
    from .kept import plan_of
    from .key_changes import input_digests, inputs_of, key_difference
    from .keys import KEY_FORMAT, key_inputs, key_of
    from .lines import template_line
    from .make import make_plan
    from .plan import FORMAT_VERSION, Base, Plan, Target
    from .render import RENDERERS, Graph, graph_of
    from .rootfs import RootfsEntry
    from .said import Explained
    from .selection import matching, select
    from .source import Entry, Source, lock_of, read_source

_HOMES = {
    "affected": ("Affected", "Impact", "affected_by", "affected_since", "restricted"),
    "aliases": ("automatic_aliases",),
    "explain": ("explain_target",),
    "explain_path": ("PathExplained", "explain_rootfs"),
    "generate": ("Change", "Generated", "check", "context_files", "generated_files", "write"),
    "kept": ("plan_of",),
    "key_changes": ("input_digests", "inputs_of", "key_difference"),
    "keys": ("KEY_FORMAT", "key_inputs", "key_of"),
    "lines": ("template_line",),
    "make": ("make_plan",),
    "plan": ("FORMAT_VERSION", "Base", "Plan", "Target"),
    "render": ("RENDERERS", "Graph", "graph_of"),
    "rootfs": ("RootfsEntry",),
    "said": ("Explained",),
    "selection": ("matching", "select"),
    "source": ("Entry", "Source", "lock_of", "read_source"),
}
__getattr__ = names(__name__, _HOMES)

__all__ = [
    "FORMAT_VERSION",
    "KEY_FORMAT",
    "RENDERERS",
    "Affected",
    "Base",
    "Change",
    "Entry",
    "Explained",
    "Generated",
    "Graph",
    "Impact",
    "PathExplained",
    "Plan",
    "RootfsEntry",
    "Source",
    "Target",
    "affected_by",
    "affected_since",
    "automatic_aliases",
    "check",
    "context_files",
    "explain_rootfs",
    "explain_target",
    "generated_files",
    "graph_of",
    "input_digests",
    "inputs_of",
    "key_difference",
    "key_inputs",
    "key_of",
    "lock_of",
    "make_plan",
    "matching",
    "plan_of",
    "read_source",
    "restricted",
    "select",
    "template_line",
    "write",
]
