"""What a VEX document states: of which vulnerabilities, with which status, about which products."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pipeline.util.dataclass import dataclass

from .purl import PackageUrl


class VexStatus(StrEnum):
    """The status of a vulnerability in a product, as OpenVEX names it."""

    NOT_AFFECTED = "not_affected"
    FIXED = "fixed"
    AFFECTED = "affected"
    UNDER_INVESTIGATION = "under_investigation"

    @property
    def opens(self) -> bool:
        """Whether it takes a finding out."""
        return self in (VexStatus.NOT_AFFECTED, VexStatus.FIXED)


@dataclass(frozen=True, slots=True)
class VexSubject:
    """An image as products name it: its digests (`sha256:…`), and the repositories that hold it (`host/path`)."""

    digests: frozenset[str] = frozenset()
    repositories: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class VexProduct:
    """A package, or an image (by `pkg:oci` or digest) with the packages in it that are meant; all if none is named."""

    purl: PackageUrl | None = None
    digests: frozenset[str] = frozenset()
    packages: tuple[PackageUrl, ...] = ()

    def is_image(self, subject: VexSubject) -> bool:
        """Whether it is this image: by a digest, by a repository that holds it, and by both where both are named."""
        if self.purl is not None and self.purl.type != "oci":
            return False
        digests, repository = self.digests, ""
        if self.purl is not None:
            digests |= {self.purl.version} if self.purl.version else set()
            repository = self.purl.qualifiers.get("repository_url", "")
        if not digests and not repository:
            return False
        return (not digests or bool(digests & subject.digests)) and (
            not repository or repository.removeprefix("https://").rstrip("/") in subject.repositories
        )

    def covers(self, package: PackageUrl | None, subject: VexSubject) -> bool:
        """Whether it means a package in an image; None is a package without an identifier."""
        if self.is_image(subject):
            if not self.packages:
                return True
            return package is not None and any(purl.covers(package) for purl in self.packages)
        return (
            package is not None and not self.packages and self.purl is not None and self.purl.covers(package)
        )


@dataclass(frozen=True, slots=True)
class VexStatement:
    """A statement; `products` is None where it means the image that it is attested on. `reason` is the justification
    or the impact in words."""

    vulnerabilities: frozenset[str]
    status: VexStatus
    reason: str
    products: tuple[VexProduct, ...] | None

    def covers(self, purls: Iterable[str], subject: VexSubject) -> bool:
        """Whether it is about a finding in packages of an image. What takes a finding out has to mean each of them,
        what keeps it any."""
        if self.products is None:
            return True
        each = [
            any(product.covers(_package(purl), subject) for product in self.products)
            for purl in purls or ("",)
        ]
        return all(each) if self.status.opens else any(each)


def _package(purl: str) -> PackageUrl | None:
    try:
        return PackageUrl.parse(purl)
    except ValueError:
        return None
