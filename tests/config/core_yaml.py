"""YAML as an editor reads it before it looks at a schema: the core schema of YAML 1.2 (numbers, booleans, null)."""

from __future__ import annotations

import re
from typing import Any

import yaml


class CoreLoader(yaml.SafeLoader):
    """`no` is a text, `1.10` a number, a day a text; what the rest of the world sees of a YAML file."""


CoreLoader.yaml_implicit_resolvers = {}
_KINDS = {
    "null": (r"(?:null|Null|NULL|~|)", "nN~"),
    "bool": (r"(?:true|True|TRUE|false|False|FALSE)", "tTfF"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
}
for _kind, (_pattern, _first) in _KINDS.items():
    CoreLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}",
        re.compile(rf"^(?:{_pattern})$"),
        [*_first, *([""] if _kind == "null" else [])],
    )


def _int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


CoreLoader.add_constructor("tag:yaml.org,2002:int", _int)


def as_an_editor(text: str) -> Any:
    """The document's value."""
    return yaml.load(text, Loader=CoreLoader)
