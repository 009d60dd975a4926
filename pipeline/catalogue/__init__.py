"""images/ and lockage.yml to the frozen plan. Pure but for `read_source`, `plan_of`'s cache and `write`.

Names are imported when they are asked for: a plan that was kept is read back without pydantic, PyYAML and
jinja2, which only making one needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.lazy import names

if TYPE_CHECKING:
    from .aliases import automatic_aliases
    from .changes.affected import Affected, Impact, affected_by, affected_since, restricted
    from .changes.keys import input_digests, inputs_of, key_difference
    from .contexts import NamedContext
    from .explain.path import PathExplained, explain_rootfs
    from .explain.said import Explained
    from .explain.target import explain_target
    from .generate import Change, Generated, check, context_files, generated_files, named_context_files, write
    from .kept import plan_of
    from .keys import KEY_FORMAT, key_inputs, key_of
    from .make import make_plan
    from .plan import FORMAT_VERSION, Base, Plan, Target
    from .render import RENDERERS, Graph, graph_of
    from .rootfs import RootfsEntry
    from .selection import matching, select
    from .source import Entry, Source, lock_of, read_source
    from .template_lines import template_line

_HOMES = {
    "changes.affected": ("Affected", "Impact", "affected_by", "affected_since", "restricted"),
    "aliases": ("automatic_aliases",),
    "explain.target": ("explain_target",),
    "explain.path": ("PathExplained", "explain_rootfs"),
    "contexts": ("NamedContext",),
    "generate": (
        "Change",
        "Generated",
        "check",
        "context_files",
        "generated_files",
        "named_context_files",
        "write",
    ),
    "kept": ("plan_of",),
    "changes.keys": ("input_digests", "inputs_of", "key_difference"),
    "keys": ("KEY_FORMAT", "key_inputs", "key_of"),
    "template_lines": ("template_line",),
    "make": ("make_plan",),
    "plan": ("FORMAT_VERSION", "Base", "Plan", "Target"),
    "render": ("RENDERERS", "Graph", "graph_of"),
    "rootfs": ("RootfsEntry",),
    "explain.said": ("Explained",),
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
    "NamedContext",
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
    "named_context_files",
    "plan_of",
    "read_source",
    "restricted",
    "select",
    "template_line",
    "write",
]
