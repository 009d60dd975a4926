"""The gates of an image: what may pass them, as `policy:` and `gates:` define it; one file a gate."""

from .gates import Gates, TestsGate
from .licenses import LicenseException, LicenseGate, UnknownLicense
from .lint import LintGate, LintLevel
from .secrets import AllowedSecret, SecretGate
from .size import Growth, SizeGate
from .vulnerabilities import (
    FailOrWarn,
    Ignore,
    PolicyDocuments,
    ScannerChoice,
    VulnerabilityGate,
    days_of,
    scanners_of,
)

__all__ = [
    "AllowedSecret",
    "FailOrWarn",
    "Gates",
    "Growth",
    "Ignore",
    "LicenseException",
    "LicenseGate",
    "LintGate",
    "LintLevel",
    "PolicyDocuments",
    "ScannerChoice",
    "SecretGate",
    "SizeGate",
    "TestsGate",
    "UnknownLicense",
    "VulnerabilityGate",
    "days_of",
    "scanners_of",
]
