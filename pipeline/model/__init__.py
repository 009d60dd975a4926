"""References, digests, platforms, descriptors: parsed once where they enter, then types."""

from .descriptor import Descriptor
from .digest import Digest
from .gates import Gates, Ignore, LintGate, LintLevel, VulnerabilityGate
from .license_gate import LicenseException, LicenseGate
from .manifest import Manifest
from .mirrors import Mirrors
from .platform import Platform
from .reference import Reference, Repository, valid_tag
from .secret_gate import AllowedSecret, SecretGate
from .severity import Severity
from .size_gate import Growth, SizeGate
from .tag_template import COMMIT_TAGS, TagTemplate, fitting_tag

__all__ = [
    "COMMIT_TAGS",
    "AllowedSecret",
    "Descriptor",
    "Digest",
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
