"""A VEX document of either format."""

from __future__ import annotations

from dataclasses import field

from pipeline.util.dataclass import dataclass

from ..digest import Digest
from ..json_document import JsonNode
from .cyclonedx import read_cyclonedx
from .openvex import read_openvex
from .statement import VexStatement


@dataclass(frozen=True, slots=True)
class VexDocument:
    """A document; `origin` is its file in the catalogue, or the image that it is attested on."""

    origin: str
    digest: Digest
    statements: tuple[VexStatement, ...] = field(default=(), repr=False)

    def to_json(self) -> dict[str, object]:
        """What names the document, without its statements."""
        return {"file": self.origin, "digest": str(self.digest)}


def read_vex(raw: bytes, origin: str, *, attested: bool = False) -> VexDocument:
    """Read OpenVEX 0.2.0, or a CycloneDX document with `vulnerabilities` (1.4 to 1.6); of what is attested on an image,
    statements may leave the product out. Raises DocumentFault."""
    document = JsonNode.read(raw)
    if document.text("bomFormat") == "CycloneDX":
        statements = read_cyclonedx(document)
    elif "@context" in document:
        statements = read_openvex(document, attested=attested)
    else:
        raise document.fault("is no VEX document: neither OpenVEX (@context) nor CycloneDX (bomFormat)")
    return VexDocument(origin, Digest.of(raw), tuple(statements))
