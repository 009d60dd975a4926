"""Bills of materials: syft's documents, completed by what is known of the image, and those of its index.

Pure, and the same bytes for the same digest.
"""

from .complete import FORMATS, complete
from .index import PlatformDocuments, index_documents
from .listing import Change, changes, packages_of
from .subject import Subject

__all__ = [
    "FORMATS",
    "Change",
    "PlatformDocuments",
    "Subject",
    "changes",
    "complete",
    "index_documents",
    "packages_of",
]
