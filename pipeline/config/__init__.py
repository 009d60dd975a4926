"""Text to validated models: lockage.yml, image.yml and the lock, with positions and suggestions.

Names are imported when they are asked for: the values and the lock cost little, the models import pydantic
and the loader PyYAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.util.lazy import names

if TYPE_CHECKING:
    from .base import Model
    from .builder import Attestations, CacheEntry, Entitlement, SecretSource, SshSource
    from .environments.values import Environment
    from .image import ImageFile, Level, TagEntry, VariantEntry, VariantFile
    from .image_checks import CheckEntry
    from .lock import LOCK_NAME, Lock, read_lock
    from .policy import GatePolicy
    from .project import ProjectFile
    from .tools.values import Tools
    from .validation import validate, validate_document
    from .values import (
        EMBEDDED,
        EMBEDDED_HOST,
        Project,
        Strategy,
    )
    from .yaml import Positions, YamlDocument, YamlProblem, YamlValue, load

_HOMES = {
    "base": ("Model",),
    "builder": (
        "Attestations",
        "CacheEntry",
        "Entitlement",
        "SecretSource",
        "SshSource",
    ),
    "environments.values": ("Environment",),
    "image": (
        "ImageFile",
        "Level",
        "TagEntry",
        "VariantEntry",
        "VariantFile",
    ),
    "image_checks": ("CheckEntry",),
    "lock": (
        "LOCK_NAME",
        "Lock",
        "read_lock",
    ),
    "policy": ("GatePolicy",),
    "project": ("ProjectFile",),
    "validation": (
        "validate",
        "validate_document",
    ),
    "values": (
        "EMBEDDED",
        "EMBEDDED_HOST",
        "Project",
        "Strategy",
    ),
    "tools.values": ("Tools",),
    "yaml": (
        "YamlDocument",
        "YamlValue",
        "Positions",
        "YamlProblem",
        "load",
    ),
}
if not TYPE_CHECKING:
    __getattr__ = names(__name__, _HOMES)

__all__ = [
    "EMBEDDED",
    "EMBEDDED_HOST",
    "LOCK_NAME",
    "Attestations",
    "CacheEntry",
    "CheckEntry",
    "Entitlement",
    "Environment",
    "GatePolicy",
    "ImageFile",
    "Level",
    "Lock",
    "Model",
    "Positions",
    "Project",
    "ProjectFile",
    "SecretSource",
    "SshSource",
    "Strategy",
    "TagEntry",
    "Tools",
    "VariantEntry",
    "VariantFile",
    "YamlDocument",
    "YamlProblem",
    "YamlValue",
    "load",
    "read_lock",
    "validate",
    "validate_document",
]
