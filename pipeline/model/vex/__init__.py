"""VEX: statements about whether a vulnerability affects a product (OpenVEX 0.2.0, CycloneDX 1.4 to 1.6)."""

from .document import VexDocument, read_vex
from .purl import PackageUrl
from .statement import Subject, VexProduct, VexStatement, VexStatus

__all__ = [
    "PackageUrl",
    "Subject",
    "VexDocument",
    "VexProduct",
    "VexStatement",
    "VexStatus",
    "read_vex",
]
