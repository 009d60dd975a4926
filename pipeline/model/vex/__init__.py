"""VEX: statements about whether a vulnerability affects a product (OpenVEX 0.2.0, CycloneDX 1.4 to 1.6)."""

from .document import VexDocument, read_vex
from .purl import PackageUrl
from .statement import VexProduct, VexStatement, VexStatus, VexSubject

__all__ = [
    "PackageUrl",
    "VexDocument",
    "VexProduct",
    "VexStatement",
    "VexStatus",
    "VexSubject",
    "read_vex",
]
