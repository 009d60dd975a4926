"""images/ and lockage.yml to the frozen plan. Pure but for `read_source`."""

from .aliases import automatic_aliases
from .generate import Change, Generated, check, context_files, generated_files, write
from .keys import KEY_FORMAT, key_inputs, key_of
from .make import lock_of, make_plan
from .plan import FORMAT_VERSION, Base, Plan, Target
from .render import RENDERERS, Graph, graph_of
from .rootfs import RootfsEntry
from .select import matching, select
from .source import Entry, Source, read_source

__all__ = [
    "FORMAT_VERSION",
    "KEY_FORMAT",
    "RENDERERS",
    "Base",
    "Change",
    "Entry",
    "Generated",
    "Graph",
    "Plan",
    "RootfsEntry",
    "Source",
    "Target",
    "automatic_aliases",
    "check",
    "context_files",
    "generated_files",
    "graph_of",
    "key_inputs",
    "key_of",
    "lock_of",
    "make_plan",
    "matching",
    "read_source",
    "select",
    "write",
]
