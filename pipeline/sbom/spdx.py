"""An SPDX 2.3 document of an image: syft's, with subject, suppliers, licences, source packages and all hashes."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact

from .facts import ImageFacts, empty_hashes
from .subject import EDITION, SbomSubject
from .supplier import Supplier

_UNKNOWN = "NOASSERTION"
_NO_HASH = "0" * 40
_ROOT = "SPDXRef-DocumentRoot-"
_PROGRAM = "Tool: lockage-sbom-"
_TRIVY_SOURCE = "built package from"
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9.-]+")


def document(subject: SbomSubject, serial: UUID, tools: Sequence[str]) -> dict[str, Any]:
    """A document about a subject without packages; `tools` have made it besides this program."""
    organization = Supplier(subject.supplier, organization=True).spdx
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": str(subject.reference),
        "documentNamespace": namespace(subject, serial),
        "creationInfo": {
            "created": subject.time,
            "creators": [organization, *(f"Tool: {tool}" for tool in tools), f"{_PROGRAM}{EDITION}"],
            "comment": "SBOM type: analyzed, after the build",
        },
    }


def namespace(subject: SbomSubject, serial: UUID) -> str:
    """The address that names a document (SPDX 2.3, 6.5, for whoever has no site for documents); nothing is there."""
    return f"https://spdx.org/spdxdocs/{subject.name}-{serial}"


def package(subject: SbomSubject, id: str) -> dict[str, Any]:
    """An image or index as a package."""
    return {
        **_bare(id, subject.name, subject.tag, Supplier(subject.supplier, organization=True)),
        "checksums": [{"algorithm": "SHA256", "checksumValue": subject.digest.hex}],
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": subject.purl,
            }
        ],
        "primaryPackagePurpose": "CONTAINER",
    }


def root_id(subject: SbomSubject) -> str:
    """The SPDX id of the subject."""
    platform = f"-{subject.platform.slug}" if subject.platform else ""
    return f"{_ROOT}Image-{_NOT_IN_AN_ID.sub('-', subject.name)}{platform}"


def complete_spdx(made: Any, subject: SbomSubject, serial: UUID, facts: ImageFacts) -> dict[str, Any]:
    """Syft's document, completed."""
    tools = [str(c)[6:] for c in made["creationInfo"]["creators"] if str(c).startswith("Tool: ")]
    whole = document(subject, serial, tools)
    if version := made["creationInfo"].get("licenseListVersion"):
        whole["creationInfo"]["licenseListVersion"] = version
    (old_root,) = (p["SPDXID"] for p in made["packages"] if str(p["SPDXID"]).startswith(_ROOT))
    root = root_id(subject)
    files, dropped = _files(made.get("files") or (), facts)
    ids = {each["SPDXID"]: _file_id(each["SPDXID"], facts) for each in files} | {old_root: root}
    files = sorted((each | {"SPDXID": ids[each["SPDXID"]]} for each in files), key=compact)
    relationships = [
        {key: ids.get(value, value) for key, value in each.items()}
        for each in made["relationships"]
        if not dropped & {each["spdxElementId"], each["relatedSpdxElement"]}
    ]
    packages = [_completed(each, facts) for each in made["packages"] if each["SPDXID"] != old_root]
    if system := _system(packages, facts):
        packages.append(system)
        relationships.append(relationship(root, "CONTAINS", system["SPDXID"]))
    packages.append(package(subject, root))
    _verify(packages, files, relationships)
    whole |= {"packages": packages, "relationships": sorted(relationships, key=compact)}
    whole |= {"files": files} if files else {}
    if licences := made.get("hasExtractedLicensingInfos"):
        whole["hasExtractedLicensingInfos"] = licences
    return whole


def without_files(document: dict[str, Any]) -> dict[str, Any]:
    """A document that says nothing of files, because there are too many to attest."""
    files = {each["SPDXID"] for each in document.get("files") or ()}
    creation = document["creationInfo"]
    packages = [
        {name: value for name, value in each.items() if name != "packageVerificationCode"}
        | {"filesAnalyzed": False}
        for each in document["packages"]
    ]
    return {name: value for name, value in document.items() if name != "files"} | {
        "creationInfo": creation | {"comment": f"{creation['comment']}; {len(files)} files are left out"},
        "packages": packages,
        "relationships": [
            each
            for each in document["relationships"]
            if not files & {each["spdxElementId"], each["relatedSpdxElement"]}
        ],
    }


@dataclass(frozen=True, slots=True)
class MergedPackages:
    """What documents of several images list together: each package once, without its files."""

    tools: Sequence[str]
    packages: Sequence[Any]
    relationships: Sequence[Any]
    licences: Sequence[Any]


def merged(documents: Iterable[Any], roots: Iterable[str]) -> MergedPackages:
    """The packages of documents, with the relationships between them and to `roots`, which are the images."""
    tools, packages, licences = set[str](), dict[str, Any](), dict[str, Any]()
    relationships: dict[bytes, Any] = {}
    for document in documents:
        if not document:
            continue
        listed = without_files(document)
        creators = map(str, listed["creationInfo"]["creators"])
        tools |= {c[6:] for c in creators if c.startswith("Tool: ") and not c.startswith(_PROGRAM)}
        for each in listed["packages"]:
            if not str(each["SPDXID"]).startswith(_ROOT):
                packages.setdefault(each["SPDXID"], each)
        for each in listed.get("hasExtractedLicensingInfos") or ():
            licences.setdefault(each["licenseId"], each)
        relationships |= {compact(each): each for each in listed["relationships"]}
    ids = {*packages, *roots}
    kept = [
        relationships[key]
        for key in sorted(relationships)
        if {relationships[key]["spdxElementId"], relationships[key]["relatedSpdxElement"]} <= ids
    ]
    return MergedPackages(
        sorted(tools),
        [packages[id] for id in sorted(packages)],
        kept,
        [licences[id] for id in sorted(licences)],
    )


def relationship(element: str, kind: str, related: str) -> dict[str, str]:
    """One relationship (SPDX 2.3, 11)."""
    return {"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": related}


def package_id(spdx_id: str) -> str:
    """Syft's id of a package: the last part of the SPDX id."""
    return spdx_id.rpartition("-")[2]


def _file_id(spdx_id: str, facts: ImageFacts) -> str:
    """The SPDX id of a file, with its id here in place of syft's."""
    start, _, id = spdx_id.rpartition("-")
    return f"{start}-{facts.files.get(id, id)}"


def ids(made: Any) -> set[str]:
    """The packages of syft's document by id."""
    return {package_id(each["SPDXID"]) for each in _packages(made)}


def suppliers_of(made: Any) -> dict[str, Supplier]:
    """Who supplies the packages of syft's document by id, as far as it says."""
    suppliers = {}
    for each in _packages(made):
        known = (each.get(name) or _UNKNOWN for name in ("supplier", "originator"))
        text = next((str(name) for name in known if name != _UNKNOWN), "")
        if supplier := Supplier.parse(text):
            suppliers[package_id(each["SPDXID"])] = supplier
    return suppliers


def checksums_of(made: Any) -> dict[str, Sequence[Any]]:
    """The hashes of packages by id, but for Go modules, whose hash is that of a list (`h1:`), not of any content."""
    return {
        package_id(each["SPDXID"]): each["checksums"]
        for each in _packages(made)
        if each.get("checksums") and not each["SPDXID"].startswith("SPDXRef-Package-go-module-")
    }


def _packages(made: Any) -> list[Any]:
    return [
        each
        for each in made["packages"]
        if not str(each["SPDXID"]).startswith(_ROOT)
        and each.get("primaryPackagePurpose") != "OPERATING-SYSTEM"
    ]


def _bare(id: str, name: str, version: str, supplier: Supplier) -> dict[str, Any]:
    return {
        "SPDXID": id,
        "name": name,
        "versionInfo": version,
        "supplier": supplier.spdx,
        "downloadLocation": _UNKNOWN,
        "filesAnalyzed": False,
        "licenseConcluded": _UNKNOWN,
        "licenseDeclared": _UNKNOWN,
        "copyrightText": _UNKNOWN,
    }


def _completed(each: Any, facts: ImageFacts) -> Any:
    id = package_id(each["SPDXID"])
    package_facts, supplier, kind = facts.packages.get(id), facts.suppliers.get(id), facts.kinds.get(id)
    added: dict[str, Any] = {"supplier": supplier.spdx} if supplier else {}
    # What the package declares is what we conclude: nobody has read its files for other licences.
    if each.get("licenseConcluded") in (None, _UNKNOWN):
        added["licenseConcluded"] = each.get("licenseDeclared") or _UNKNOWN
    if kind:
        added["primaryPackagePurpose"] = each.get("primaryPackagePurpose") or kind.upper()
    if package_facts and package_facts.source:
        added["sourceInfo"] = f"{_TRIVY_SOURCE}: {package_facts.source.name} {package_facts.source.version}"
        added["comment"] = "\n".join(filter(None, (each.get("comment"), each.get("sourceInfo"))))
    return each | {name: value for name, value in added.items() if value}


def _system(packages: Sequence[Any], facts: ImageFacts) -> dict[str, Any] | None:
    """The distribution as a package, by which scanners know which advisories apply."""
    distribution = facts.distribution
    if distribution is None or any(p.get("primaryPackagePurpose") == "OPERATING-SYSTEM" for p in packages):
        return None
    id = _NOT_IN_AN_ID.sub("-", f"SPDXRef-OperatingSystem-{distribution.id}-{distribution.version}")
    return {
        **_bare(id, distribution.id, distribution.version, distribution.supplier),
        "primaryPackagePurpose": "OPERATING-SYSTEM",
    }


def _files(files: Sequence[Any], facts: ImageFacts) -> tuple[list[Any], set[str]]:
    """The files with true hashes, and the ids of those whose hash nobody knows: links, folders, what is not there."""
    kept, dropped = [], set[str]()
    for each in files:
        if any(checksum["checksumValue"] != _NO_HASH for checksum in each["checksums"]):
            kept.append(each)
        elif package_id(each["SPDXID"]) in facts.empty_files:
            hashes = empty_hashes("sha1", "sha256")
            sums = [{"algorithm": name.upper(), "checksumValue": value} for name, value in hashes.items()]
            kept.append(each | {"checksums": sums})
        else:
            dropped.add(each["SPDXID"])
    return kept, dropped


def _verify(packages: Sequence[Any], files: Sequence[Any], relationships: Sequence[Any]) -> None:
    """Write the verification code of each package whose files were analyzed (SPDX 2.3, 7.9)."""
    sha1 = {
        each["SPDXID"]: checksum["checksumValue"]
        for each in files
        for checksum in each["checksums"]
        if checksum["algorithm"] == "SHA1"
    }
    contained = defaultdict[str, list[str]](list)
    for each in relationships:
        if each["relationshipType"] == "CONTAINS" and each["relatedSpdxElement"] in sha1:
            contained[each["spdxElementId"]].append(sha1[each["relatedSpdxElement"]])
    for each in packages:
        if each.get("filesAnalyzed"):
            code = hashlib.sha1("".join(sorted(contained[each["SPDXID"]])).encode(), usedforsecurity=False)
            each["packageVerificationCode"] = {"packageVerificationCodeValue": code.hexdigest()}
