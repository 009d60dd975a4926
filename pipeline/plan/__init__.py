"""The frozen plan: targets, keys, graph, changes and explanations. Pure, except for the cache and `write`.

Names are imported on first use, so that reading a stored plan imports neither pydantic, PyYAML nor jinja2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.util.lazy import names

if TYPE_CHECKING:
    from .cache.cache import plan_of
    from .changes.affected import Affected, Impact, affected_by, affected_since
    from .changes.key_difference import input_digests, inputs_of, key_difference
    from .explain.origin import Explained
    from .explain.rootfs import ExplainedPath, explain_rootfs
    from .explain.target import explain_target
    from .graph_formats import RENDERERS, Graph, graph_of
    from .keys import KEY_FORMAT, key_inputs, key_of
    from .make import make_plan
    from .output.disk import Generated
    from .output.generate import (
        FileChange,
        check,
        context_files,
        generated_files,
        named_context_files,
        write,
    )
    from .plan import FORMAT_VERSION, Base, Plan, Target
    from .selection import matching, restricted, select
    from .template_lines import template_line

_HOMES = {
    "cache.cache": ("plan_of",),
    "changes.affected": (
        "Affected",
        "Impact",
        "affected_by",
        "affected_since",
    ),
    "changes.key_difference": (
        "input_digests",
        "inputs_of",
        "key_difference",
    ),
    "explain.origin": ("Explained",),
    "explain.rootfs": (
        "ExplainedPath",
        "explain_rootfs",
    ),
    "explain.target": ("explain_target",),
    "graph_formats": (
        "Graph",
        "RENDERERS",
        "graph_of",
    ),
    "keys": (
        "KEY_FORMAT",
        "key_inputs",
        "key_of",
    ),
    "make": ("make_plan",),
    "output.disk": ("Generated",),
    "output.generate": (
        "FileChange",
        "check",
        "context_files",
        "generated_files",
        "named_context_files",
        "write",
    ),
    "plan": (
        "Base",
        "FORMAT_VERSION",
        "Plan",
        "Target",
    ),
    "selection": (
        "matching",
        "restricted",
        "select",
    ),
    "template_lines": ("template_line",),
}
if not TYPE_CHECKING:
    __getattr__ = names(__name__, _HOMES)

__all__ = [
    "FORMAT_VERSION",
    "KEY_FORMAT",
    "RENDERERS",
    "Affected",
    "Base",
    "Explained",
    "ExplainedPath",
    "FileChange",
    "Generated",
    "Graph",
    "Impact",
    "Plan",
    "Target",
    "affected_by",
    "affected_since",
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
    "make_plan",
    "matching",
    "named_context_files",
    "plan_of",
    "restricted",
    "select",
    "template_line",
    "write",
]
