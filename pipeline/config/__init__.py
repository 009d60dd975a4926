"""Text to validated models: lockage.yml, image.yml and the lock, with positions and suggestions.

Importing this room imports pydantic and PyYAML; `pipeline.cli --help` must not.
"""

from .base import Model
from .image import ImageFile, Level, Strategy, TagEntry, VariantEntry, VariantFile
from .lock import LOCK_NAME, Lock, Locked, read_lock
from .policy import GateOverrides, Gates, Ignore, Severity, SizeGate, VulnerabilityGate
from .project import EMBEDDED, Environment, ProjectFile, Tools
from .validate import did_you_mean, dotted, validate, validate_document
from .yaml import Document, Plain, Positions, YamlProblem, load

__all__ = [
    "EMBEDDED",
    "LOCK_NAME",
    "Document",
    "Environment",
    "GateOverrides",
    "Gates",
    "Ignore",
    "ImageFile",
    "Level",
    "Lock",
    "Locked",
    "Model",
    "Plain",
    "Positions",
    "ProjectFile",
    "Severity",
    "SizeGate",
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
