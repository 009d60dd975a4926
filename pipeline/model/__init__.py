"""References, digests, platforms, descriptors: parsed once where they enter, then types."""

from .descriptor import Descriptor
from .digest import Digest
from .gates import (
    AllowedSecret,
    Gates,
    Growth,
    Ignore,
    LicenseException,
    LicenseGate,
    LintGate,
    LintLevel,
    SecretGate,
    SizeGate,
    VulnerabilityGate,
)
from .manifest import Manifest
from .mirrors import Fallbacks, Mirrors
from .platform import Platform
from .reference import Reference, Repository, valid_tag
from .severity import Severity
from .tag_template import COMMIT_TAGS, TagTemplate, fitting_tag

__all__ = [
    "COMMIT_TAGS",
    "AllowedSecret",
    "Descriptor",
    "Digest",
    "Fallbacks",
    "Gates",
    "Growth",
    "Ignore",
    "LicenseException",
    "LicenseGate",
    "LintGate",
    "LintLevel",
    "Manifest",
    "Mirrors",
    "Platform",
    "Reference",
    "Repository",
    "SecretGate",
    "Severity",
    "SizeGate",
    "TagTemplate",
    "VulnerabilityGate",
    "fitting_tag",
    "valid_tag",
]
