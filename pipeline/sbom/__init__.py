"""Bills of materials: syft's documents, completed by what is known of the image, and those of its index.

Pure, and the same bytes for the same digest. Names are imported on first use; `complete` is not among them: the name
would be both a function and a module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.util.lazy import names

if TYPE_CHECKING:
    from .complete import FORMATS
    from .index import PlatformDocuments, index_documents
    from .listing import PackageChange, changes, packages_of
    from .subject import SbomSubject

if not TYPE_CHECKING:
    __getattr__ = names(
        __name__,
        {
            "complete": ("FORMATS",),
            "index": (
                "PlatformDocuments",
                "index_documents",
            ),
            "listing": (
                "PackageChange",
                "changes",
                "packages_of",
            ),
            "subject": ("SbomSubject",),
        },
    )

__all__ = [
    "FORMATS",
    "PackageChange",
    "PlatformDocuments",
    "SbomSubject",
    "changes",
    "index_documents",
    "packages_of",
]
