"""All documents of an image, from syft's and what is known of the image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from pipeline.model import Manifest
from pipeline.util.json.canonical import compact

from . import cyclonedx, spdx
from .cyclonedx import complete_cyclonedx
from .facts import read_facts
from .layers import diff_ids, renamed, renamings
from .spdx import complete_spdx, without_files
from .subject import SbomSubject
from .syft import complete_syft
from .volatile_labels import volatile_labels

FORMATS = {
    "cyclonedx": ("cyclonedx-json", "sbom.cyclonedx.json"),
    "spdx": ("spdx-json", "sbom.spdx.json"),
    "syft": ("syft-json", "sbom.syft.json"),
}
"""The formats by the names that people use: the document's name in records, and the name of its file."""

MAX_DOCUMENT = 256 * 1024 * 1024
MAX_ATTESTED = 32 * 1024 * 1024
"""What fits into a signed statement that readers take; of files, SPDX lists each, at some 700 bytes."""


def complete(
    documents: Mapping[str, bytes], subject: SbomSubject, serial: UUID, manifest: Manifest, config: bytes
) -> dict[str, bytes]:
    """Syft's documents of an image (`cyclonedx-json`, `spdx-json`, `syft-json`), completed: the same bytes each time.

    `serial` is their serial number, `manifest` and `config` are the image's own. Raises ValueError, KeyError, TypeError
    or AttributeError for documents that syft does not write, and for such as do not list the same packages.
    """
    names = _layer_names(documents, config)
    cdx, spd, syft = (_load(renamed(documents[name], names), name) for name, _ in FORMATS.values())
    if cdx.get("bomFormat") != "CycloneDX" or not str(spd.get("spdxVersion", "")).startswith("SPDX-2"):
        raise ValueError("syft: not documents of CycloneDX and SPDX 2")
    facts = read_facts(syft)
    for name, listed in (("CycloneDX", cyclonedx.ids(cdx)), ("SPDX", spdx.ids(spd))):
        if differing := listed ^ set(facts.packages):
            raise ValueError(f"syft: {name} and syft's own format differ in {len(differing)} packages")
    facts = replace(
        facts,
        suppliers=spdx.suppliers_of(spd) | cyclonedx.suppliers_of(cdx),
        checksums=spdx.checksums_of(spd),
        kinds=cyclonedx.kinds(cdx),
    )
    completed = {
        "cyclonedx-json": complete_cyclonedx(cdx, subject, serial, facts, volatile_labels(config)),
        "spdx-json": complete_spdx(spd, subject, serial, facts),
        "syft-json": complete_syft(syft, subject, facts, manifest, config),
    }
    try:
        whole = {name: compact(document) for name, document in completed.items()}
        if len(whole["spdx-json"]) > MAX_ATTESTED:
            whole["spdx-json"] = compact(without_files(completed["spdx-json"]))
        return whole
    except RecursionError:
        raise ValueError("syft: a document is nested too deeply") from None


def _layer_names(documents: Mapping[str, bytes], config: bytes) -> dict[str, str]:
    """The ids of the archive's layers that are others in the image."""
    source = _load(documents["syft-json"], "syft-json")["source"]
    archived = [str(layer["digest"]) for layer in source["metadata"].get("layers") or ()]
    return renamings(archived, diff_ids(config))


def _load(raw: bytes, name: str) -> Any:
    if len(raw) > MAX_DOCUMENT:
        raise ValueError(f"syft: {name} of {len(raw)} bytes is larger than {MAX_DOCUMENT}")
    try:
        document: Any = json.loads(raw)
    except (ValueError, RecursionError) as fault:
        raise ValueError(f"syft: {name} is not JSON: {fault}") from None
    if not isinstance(document, dict):
        raise ValueError(f"syft: {name} is not an object")
    return document
