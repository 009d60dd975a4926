"""References, digests, platforms, descriptors: parsed once where they enter, then types."""

from .descriptor import Descriptor
from .digest import Digest
from .gates import Gates, LintGate, LintLevel, SizeGate
from .manifest import Manifest
from .mirrors import Mirrors
from .platform import Platform
from .reference import Reference, Repository, valid_tag
from .severity import Severity
from .tag_template import COMMIT_TAGS, TagTemplate, fitting_tag
from .vulnerability_gate import Ignore, VulnerabilityGate

__all__ = [
    "COMMIT_TAGS",
    "Descriptor",
    "Digest",
    "Gates",
    "Ignore",
    "LintGate",
    "LintLevel",
    "Manifest",
    "Mirrors",
    "Platform",
    "Reference",
    "Repository",
    "Severity",
    "SizeGate",
    "TagTemplate",
    "VulnerabilityGate",
    "fitting_tag",
    "valid_tag",
]
