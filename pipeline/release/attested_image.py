"""One platform of a published index, with what is signed about it."""

from __future__ import annotations

from dataclasses import field, replace
from typing import Any

from pipeline.model import Descriptor, Platform, Reference, Repository
from pipeline.model.vex import VexSubject
from pipeline.policy import Scan, VexEvidence
from pipeline.sbom.current_document import current
from pipeline.state.vex import vex_of
from pipeline.trust import CYCLONEDX, Statement, Verification
from pipeline.util.dataclass import dataclass

from .signed_findings import newest_findings, scan_of


@dataclass(frozen=True, slots=True)
class AttestedImage:
    """An image of one platform by digest, and the verified statements about it and about its index; `name` is what
    messages call it."""

    name: str
    repository: Repository
    child: Descriptor
    statements: tuple[Statement, ...] = field(default=(), repr=False)
    of_index: Verification | None = field(default=None, repr=False)

    @property
    def reference(self) -> Reference:
        """The image by digest."""
        return self.repository.at(self.child.digest)

    @property
    def platform(self) -> Platform:
        """Its platform."""
        assert self.child.platform
        return self.child.platform

    @property
    def findings(self) -> Statement | None:
        """The newest signed findings, if there are any."""
        return newest_findings(self.statements)

    @property
    def scan(self) -> Scan | None:
        """The scan that they are of. Raises ValueError for findings that cannot be read."""
        findings = self.findings
        return None if findings is None else scan_of(findings)

    def vex(self, subject: VexSubject) -> VexEvidence:
        """What VEX says of it: the documents that are attested on it or on its index, and its names as `subject`."""
        if self.of_index is None:
            return vex_of(self.statements, self.repository, subject)
        subject = replace(subject, digests=subject.digests | {str(self.of_index.subject)})
        return vex_of((*self.statements, *self.of_index.statements), self.repository, subject)

    @property
    def bill_of_materials(self) -> Any:
        """The current CycloneDX document, None if there is none."""
        documents = [dict(s.predicate) for s in self.statements if s.predicate_type == CYCLONEDX]
        return current(documents, str(self.child.digest))
