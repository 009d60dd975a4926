"""Text to validated models: lockage.yml, image.yml and the lock, with positions and suggestions.

Names are imported when they are asked for: the values and the lock cost little, the models import pydantic
and the loader PyYAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.lazy import names

if TYPE_CHECKING:
    from .base import Model
    from .builder import Attestations, CacheEntry, Entitlement, SecretSource, SshSource
    from .image import ImageFile, Level, TagEntry, VariantEntry, VariantFile
    from .lock import LOCK_NAME, Lock, read_lock
    from .policy import GatePolicy
    from .project import ProjectFile
    from .suggest import did_you_mean, dotted
    from .validation import validate, validate_document
    from .values import (
        EMBEDDED,
        Environment,
        Gates,
        Ignore,
        Project,
        Severity,
        SizeGate,
        Strategy,
        Tools,
        VulnerabilityGate,
    )
    from .yaml import Document, Plain, Positions, YamlProblem, load

_HOMES = {
    "base": ("Model",),
    "builder": ("Attestations", "CacheEntry", "Entitlement", "SecretSource", "SshSource"),
    "image": ("ImageFile", "Level", "TagEntry", "VariantEntry", "VariantFile"),
    "lock": ("LOCK_NAME", "Lock", "read_lock"),
    "policy": ("GatePolicy",),
    "project": ("ProjectFile",),
    "suggest": ("did_you_mean", "dotted"),
    "validation": ("validate", "validate_document"),
    "values": (
        "EMBEDDED",
        "Environment",
        "Gates",
        "Ignore",
        "Project",
        "Severity",
        "SizeGate",
        "Strategy",
        "Tools",
        "VulnerabilityGate",
    ),
    "yaml": ("Document", "Plain", "Positions", "YamlProblem", "load"),
}
__getattr__ = names(__name__, _HOMES)

__all__ = [
    "EMBEDDED",
    "LOCK_NAME",
    "Attestations",
    "CacheEntry",
    "Document",
    "Entitlement",
    "Environment",
    "GatePolicy",
    "Gates",
    "Ignore",
    "ImageFile",
    "Level",
    "Lock",
    "Model",
    "Plain",
    "Positions",
    "Project",
    "ProjectFile",
    "SecretSource",
    "Severity",
    "SizeGate",
    "SshSource",
    "Strategy",
    "TagEntry",
    "Tools",
    "VariantEntry",
    "VariantFile",
    "VulnerabilityGate",
    "YamlProblem",
    "did_you_mean",
    "dotted",
    "load",
    "read_lock",
    "validate",
    "validate_document",
]
