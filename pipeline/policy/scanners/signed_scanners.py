"""The scanners in signed findings (`scanner` of cosign's vulnerability predicate): their versions and data.

`uri`, `version` and `db` are of the tool that looked for vulnerabilities. Where grype took part, `beside` is one field
more: the other tools whose reports the result is made of, each with the same three; without data, `db` is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.model import Digest
from pipeline.util.json.values import as_list, as_object, as_text

from ..evidence import Scan, Tool

_OWNERS = {"trivy": "aquasecurity", "grype": "anchore"}


def scanner_fields(scan: Scan) -> dict[str, object]:
    """A scan's tools as the predicate has them."""
    beside = [_fields(tool) for tool in scan.beside]
    return {**_fields(scan.tool), **({"beside": beside} if beside else {})}


def database(digest: str | None, date: str | None) -> dict[str, str]:
    """Data of a scanner as the predicate has it."""
    return {"uri": f"oci:{digest}" if digest else "", "version": date or ""}


def signed_tools(scanner: Mapping[str, object]) -> tuple[Tool, ...]:
    """Read what `scanner_fields` gives, the tool that looked for vulnerabilities first. Raises ValueError, KeyError."""
    return tuple(map(_tool, (scanner, *map(as_object, as_list(scanner.get("beside", []))))))


def data_key(tools: Iterable[Tool]) -> Digest | None:
    """What makes the data of two scans the same: its digest, or one over those of several scanners. None for data that
    has no digest. Raises ValueError."""
    digests = [tool.data_digest for tool in tools if tool.data_digest]
    if len(digests) > 1:
        return Digest.of("\n".join(digests).encode())
    return Digest(digests[0]) if digests else None


def _fields(tool: Tool) -> dict[str, object]:
    return {
        "uri": f"pkg:github/{_OWNERS[tool.name]}/{tool.name}@{tool.version}",
        "version": tool.version,
        "db": database(tool.data_digest, tool.data_date),
    }


def _tool(scanner: Mapping[str, object]) -> Tool:
    data = as_object(scanner["db"])
    uri = str(scanner.get("uri", ""))
    name = "grype" if uri.startswith("pkg:github/anchore/grype@") else "trivy"
    digest, date = as_text(data.get("uri", "")).removeprefix("oci:"), as_text(data["version"])
    return Tool(name, as_text(scanner["version"]), date or None, digest or None)
