"""What a bill of materials is about: an image or an index by digest, with the names that are derived from it."""

from __future__ import annotations

from urllib.parse import quote
from uuid import NAMESPACE_URL, UUID, uuid5

from pipeline.model import Digest, Platform, Reference, Repository
from pipeline.util.dataclass import dataclass
from pipeline.util.timestamps import format_timestamp

EDITION = 2
"""Counted up when other documents are written for the same image by the same tool: older ones are made again."""

_LAST = 253_402_300_799  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class SbomSubject:
    """An image of one platform, or with `platform` None an index, in the repository where it is published.

    `supplier` is the project that makes it, `created` its own creation in seconds since 1970: a document has no time of
    its own, or it would differ each time.
    """

    supplier: str
    repository: Repository
    tag: str
    digest: Digest
    platform: Platform | None
    created: int = 0

    @property
    def name(self) -> str:
        """The last part of the repository, as package URLs have it."""
        return self.repository.path.rpartition("/")[2]

    @property
    def reference(self) -> Reference:
        """The image by digest."""
        return self.repository.at(self.digest)

    @property
    def purl(self) -> str:
        """The package URL (purl-spec, type `oci`); qualifiers in alphabetical order."""
        platform = self.platform
        qualifiers = {
            "arch": platform.architecture if platform else "",
            "repository_url": str(self.repository),
            "tag": self.tag,
            "variant": platform.variant or "" if platform else "",
        }
        query = "&".join(f"{name}={quote(value, safe='/:')}" for name, value in qualifiers.items() if value)
        return f"pkg:oci/{self.name}@{self.digest}?{query}"

    @property
    def time(self) -> str:
        """Its creation as documents have it (RFC 3339); 1970 where it is not known or not a time they can have."""
        return format_timestamp(self.created if 0 <= self.created <= _LAST else 0)

    def serial(self, tool: str) -> UUID:
        """The serial number of its documents by a version of the tool; another version makes other documents."""
        return uuid5(NAMESPACE_URL, f"{self.purl}#{tool}+{EDITION}")
