"""What a record still lacks today: examinations never done, by another tool or with other data, tests that failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.model import Digest
from pipeline.policy import SCAN_EDITION, Evidence, Inventory, Scan
from pipeline.state.record import Record, digest_of_text

from ...results import Stage
from .sbom_subject import serial_of

if TYPE_CHECKING:
    from pipeline.plan import Target

    from ...context import RunContext
    from ...tools import ToolImages
    from .scanner_data import ScannerData


async def find_outstanding(
    context: RunContext, scanner_data: ScannerData, target: Target, record: Record
) -> frozenset[Stage]:
    """The examinations that a record lacks today."""
    scan = record.evidence.scan
    java = await scanner_data.java.find() if scan and scan.java else None
    scanners = target.gates.vulnerabilities.scanners
    data = {name: await scanner_data.by(name).digest() for name in scanners}
    if scan and context.offline and not await scanner_data.outdate(scan, scanners):
        own = {tool.name: digest_of_text(tool.data_digest or "") for tool in scan.scanners}
        data = {name: own.get(name) or digest for name, digest in data.items()}  # the cache's is older
    serial = serial_of(context, target, record.digest)
    return outstanding(target, record, context.tools, data, java, serial)


def tests_digest(target: Target, tester: str) -> Digest:
    """The digest of what tests depend on besides the image: their file, the tester's version, and the checks."""
    return Digest.of(f"{tester}\n{target.test or ''}{_checks_text(target)}".encode())


def untested(target: Target, record: Record | None, tester: str) -> bool:
    """Whether the tests are to be run: never run, others or by another tester, or some failed."""
    if not target.is_tested:
        return False
    report = record.evidence.tests if record else None
    if record is None or report is None or record.tests != tests_digest(target, tester):
        return True
    return bool(report.unexamined) or not report.cases or not all(case.passed for case in report.cases)


def outstanding(
    target: Target,
    record: Record,
    tools: ToolImages,
    data: Mapping[str, Digest],
    java: Digest | None,
    serial: str,
) -> frozenset[Stage]:
    """The examinations to do (again): never done, by another tool, with other data, or tests that failed.

    `data` and `java` are the digests of today's vulnerability data by scanner, and of today's Java data; the latter
    matters where a scan needed it. `serial` is the number that a bill of materials has today.
    """
    stages = set()
    scan, listed = record.evidence.scan, record.evidence.inventory
    if not scan or not _is_current(scan, tools, data, java):
        stages.add(Stage.SCAN)
    if not listed or listed.unexamined or listed.serial != serial or lacks_licenses(target, listed):
        stages.add(Stage.SBOM)
    if untested(target, record, tools.version("structure-test")):
        stages.add(Stage.TEST)
    if unlinted(target, record.evidence, tools):
        stages.add(Stage.LINT)
    return frozenset(stages)


def lacks_licenses(target: Target, listed: Inventory) -> bool:
    """Whether the licenses gate may close and nobody has recorded the packages' licenses."""
    return target.gates.licenses.judges and listed.licensed is None


def unlinted(target: Target, evidence: Evidence, tools: ToolImages) -> bool:
    """Whether the lint gate may close and the Dockerfile was not linted by this linter."""
    if target.gates.lint.fail_on is None or target.external is not None:
        return False
    report = evidence.lint
    return report is None or bool(report.unexamined) or report.tool.version != tools.version("hadolint")


def _is_current(scan: Scan, tools: ToolImages, data: Mapping[str, Digest], java: Digest | None) -> bool:
    """Whether a scan was made by these scanners with this data and has seen everything that can be seen today. Trivy
    takes part in any: without data, it looks for secrets.

    Java data counts if it was needed; an image whose Java archives nobody could look at waits until there is some.
    """
    wanted = {name: str(data[name]) if name in data else None for name in {"trivy", *data}}
    made_by = {tool.name: (tool.version, tool.data_digest) for tool in scan.tools}
    if made_by != {name: (tools.version(name), digest) for name, digest in wanted.items()}:
        return False
    if scan.edition != SCAN_EDITION:
        return False
    if scan.java is None:
        return not scan.unexamined
    return java is None or scan.java.digest == str(java)


def _checks_text(target: Target) -> str:
    """What the results of a target's checks depend on besides the image; empty without checks."""
    files = [(e.path, e.kind, e.mode, e.sha256, e.target) for c in target.checks for e in c.entries]
    return repr(([check.to_json() for check in target.checks], files)) if target.checks else ""
