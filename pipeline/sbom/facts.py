"""What syft found, read from its own format: the facts that both standard formats are completed with."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import Any

from pipeline.util.dataclass import dataclass

from .supplier import Supplier

_SOURCE_RPM = re.compile(r"^(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm$")
_PACKAGE_ID = re.compile(r"[?&]package-id=([0-9a-f]+)")
_EMPTY = {
    "sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}
"""The hashes of a file without content, which syft leaves out."""


@dataclass(frozen=True, slots=True)
class SourcePackage:
    """The source package that a distribution's package was built from; its version with epoch and release."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """One package by syft's id; `properties` are those of trivy, by their names there."""

    id: str
    source: SourcePackage | None
    properties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Distribution:
    """The distribution that the image names (os-release)."""

    id: str
    version: str
    name: str

    @property
    def supplier(self) -> Supplier:
        """The distribution itself."""
        return Supplier(self.name, organization=True)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """The distribution if there is one, and by syft's ids the packages, the files' ids here, and the files without
    content. (Syft's ids of files depend on the archive.)

    The others are of packages by id, and known from the standard formats: who supplies them, their hashes as SPDX has
    them, and what CycloneDX calls them (`library`).
    """

    packages: Mapping[str, PackageFacts]
    files: Mapping[str, str]
    empty_files: frozenset[str]
    distribution: Distribution | None
    suppliers: Mapping[str, Supplier] = field(default_factory=lambda: MappingProxyType({}))
    checksums: Mapping[str, Sequence[Any]] = field(default_factory=lambda: MappingProxyType({}))
    kinds: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def read_facts(document: Any) -> ImageFacts:
    """From a document of syft's own format. Raises ValueError, KeyError, TypeError or AttributeError for others."""
    if document["descriptor"]["name"] != "syft":
        raise ValueError("not a document by syft")
    packages = [_package(artifact) for artifact in document["artifacts"]]
    files = document.get("files") or ()
    return ImageFacts(
        {package.id: package for package in packages},
        {str(file["id"]): _file_id(file) for file in files},
        frozenset(file["id"] for file in files if is_empty(file)),
        _distribution(document.get("distro") or {}),
    )


def _file_id(file: Any) -> str:
    """The id of a file: of its path and layer, as long as syft's."""
    location = file.get("location") or {}
    return hashlib.sha256(f"{location.get('layerID')} {location.get('path')}".encode()).hexdigest()[:16]


def is_empty(file: Any) -> bool:
    """Whether an entry of `files` is a file without content. Its hashes are known without reading it."""
    metadata = file.get("metadata") or {}
    return bool(metadata.get("type") == "RegularFile" and metadata.get("size") == 0)


def empty_hashes(*algorithms: str) -> dict[str, str]:
    """The hashes of no content, by algorithm."""
    return {algorithm: _EMPTY[algorithm] for algorithm in algorithms}


def package_id(bom_ref: str) -> str:
    """Syft's id of a package in a CycloneDX document: a qualifier of its reference, or the reference itself."""
    match = _PACKAGE_ID.search(bom_ref)
    return match[1] if match else bom_ref


def _package(artifact: Any) -> PackageFacts:
    metadata, kind = artifact.get("metadata") or {}, artifact.get("type")
    source = _source(kind, artifact, metadata)
    properties = _trivy(kind, source) if source else {}
    if label := metadata.get("modularityLabel"):
        properties["Modularitylabel"] = str(label)
    return PackageFacts(str(artifact["id"]), source, properties)


def _trivy(kind: Any, source: SourcePackage) -> dict[str, str]:
    """The properties by which trivy finds advisories, which name source packages. Alpine's versions stay whole."""
    if kind == "apk":
        return {"SrcName": source.name, "SrcVersion": source.version}
    epoch, _, rest = source.version.rpartition(":")
    version, dash, release = rest.rpartition("-")
    parts = {
        "SrcName": source.name,
        "SrcVersion": version if dash else rest,
        "SrcRelease": release if dash else "",
        "SrcEpoch": epoch if epoch.isdecimal() and epoch != "0" else "",
    }
    return {name: value for name, value in parts.items() if value}


def _source(kind: Any, artifact: Any, metadata: Any) -> SourcePackage | None:
    name, version = str(artifact["name"]), str(artifact.get("version") or "")
    if kind == "deb":
        return SourcePackage(metadata.get("source") or name, metadata.get("sourceVersion") or version)
    if kind == "apk":
        return SourcePackage(metadata.get("originPackage") or name, version)
    if kind == "rpm" and (match := _SOURCE_RPM.match(metadata.get("sourceRpm") or "")):
        epoch = metadata.get("epoch")
        return SourcePackage(match[1], f"{epoch}:{match[2]}" if epoch else match[2])
    return None


def _distribution(distro: Any) -> Distribution | None:
    id = str(distro.get("id") or "")
    if not id:
        return None
    version = str(distro.get("versionID") or distro.get("version") or "")
    return Distribution(id, version, str(distro.get("name") or distro.get("prettyName") or id))
