"""Bills of materials: syft's documents, completed by what is known of the image, and those of its index.

Pure, and the same bytes for the same digest.
"""

from .complete import FORMATS, complete
from .index import PlatformDocuments, index_documents
from .listing import PackageChange, changes, packages_of
from .subject import SbomSubject

__all__ = [
    "FORMATS",
    "PackageChange",
    "PlatformDocuments",
    "SbomSubject",
    "changes",
    "complete",
    "index_documents",
    "packages_of",
]
