"""Which of several documents about the same image is the current one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.util.json.canonical import compact

_NUMBERS = re.compile(r"[0-9]{1,9}")


def current(documents: Sequence[Any], digest: str, links: Iterable[str] = ()) -> Any:
    """The document about a digest that names it, by the newest edition and tool; None without documents.

    Of several that are equal in that, the one that links to most of the `links` (serial numbers of other documents).
    What cannot be written again is no document.
    """
    wanted = tuple(links)
    ranked = [
        (rank, document)
        for document in documents
        if is_bill(document) and (rank := _rank(document, digest, wanted))
    ]
    return max(ranked, key=lambda pair: pair[0])[1] if ranked else None


def is_bill(document: Any) -> bool:
    """Whether a CycloneDX or SPDX document lists what is in an image: one of vulnerabilities alone is VEX."""
    return "vulnerabilities" not in document or "components" in document


def _rank(
    document: Any, digest: str, links: Sequence[str]
) -> tuple[bool, list[int], list[int], int, bytes] | None:
    try:
        text = compact(document)
    except (ValueError, RecursionError):
        return None
    tools = dict(_tools(document))
    edition, version = (_numbers(tools.get(name, "")) for name in ("lockage-sbom", "syft"))
    return digest.encode() in text, edition, version, sum(link.encode() in text for link in links), text


def _numbers(version: str) -> list[int]:
    return [int(number) for number in _NUMBERS.findall(version)]


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
