"""jsonschema's syntax of IRIs, loaded when an IRI is first checked: its package makes 38 parsers while it is imported,
which takes longer than all tests of a room."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

_NAME = "rfc3987_syntax"


def load_when_used() -> None:
    """Put a module of one function in place of the package, unless that has been imported."""
    if _NAME not in sys.modules:
        module = ModuleType(_NAME)
        module.__dict__["is_valid_syntax"] = is_valid_syntax
        sys.modules[_NAME] = module


def is_valid_syntax(term: str, value: str) -> bool:
    """Whether a text is an `iri`, `iri_reference` and so on, as the package says."""
    if "is_valid_syntax_iri" not in vars(sys.modules[_NAME]):
        del sys.modules[_NAME]
    package = importlib.import_module(_NAME)
    return bool(package.is_valid_syntax(term, value))
