"""Which of several documents about the same image is the current one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.util.canonical_json import compact

_NUMBERS = re.compile(r"[0-9]+")


def current(documents: Sequence[Any], digest: str, links: Iterable[str] = ()) -> Any:
    """The document about a digest that names it, by the newest edition and tool; None without documents.

    Of several that are equal in that, the one that links to most of the `links` (serial numbers of other documents).
    """
    links = tuple(links)

    def rank(document: Any) -> tuple[bool, int, list[int], int, bytes]:
        text = compact(document)
        tools = dict(_tools(document))
        versions = [int(number) for number in _NUMBERS.findall(tools.get("syft", ""))]
        edition = tools.get("lockage-sbom", "")
        return (
            digest.encode() in text,
            int(edition) if edition.isdecimal() else 0,
            versions,
            sum(link.encode() in text for link in links),
            text,
        )

    return max(documents, key=rank, default=None)


def serial(document: Any) -> str:
    """The serial number of a CycloneDX document, or the end of an SPDX document's namespace, as a UUID."""
    name = str(document.get("serialNumber") or document.get("documentNamespace") or "")
    return name[-36:]


def _tools(document: Any) -> Iterable[tuple[str, str]]:
    """The tools that made a document, with their versions; none where it does not say."""
    try:
        if "spdxVersion" in document:
            creators = (str(each).removeprefix("Tool: ") for each in document["creationInfo"]["creators"])
            return [(name, version) for name, _, version in (text.rpartition("-") for text in creators)]
        components = document["metadata"]["tools"]["components"]
        return [(str(each["name"]), str(each.get("version", ""))) for each in components]
    except (KeyError, TypeError, AttributeError):
        return []
