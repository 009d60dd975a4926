"""The verdicts of a published image: its scan of today, what VEX says of it, and the licenses in its attested bill of
materials."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.model import SizeGate
from pipeline.policy import Evidence, Inventory, Tool, Verdict, judge
from pipeline.policy.gates.context import GateContext
from pipeline.policy.reports import cyclonedx_inventory
from pipeline.util.json.canonical import compact

if TYPE_CHECKING:
    from pipeline.model import Gates
    from pipeline.run.context import RunContext

    from .attested_image import AttestedImage
    from .todays_scan import TodaysScan


def judge_published(
    context: RunContext, image: str, gates: Gates, scanned: TodaysScan
) -> tuple[Verdict, ...]:
    """The verdicts of one platform of an image of the catalogue. Its size and its tests are what they were when a run
    judged them."""
    attested = scanned.image
    subject = context.subject(image, attested.child.digest)
    inventory = _inventory(attested) if gates.licenses.judges else None
    evidence = Evidence(0, inventory=inventory, scan=scanned.scan)
    around = GateContext(vex=attested.vex(subject))
    return judge(evidence, replace(gates, size=SizeGate()), context.today, around)


def _inventory(image: AttestedImage) -> Inventory:
    """The bill of materials as evidence; one that nobody can read is not examined."""
    tool, document = Tool("syft", ""), image.bill_of_materials
    if document is None:
        return Inventory(tool, 0, {}, unexamined=(f"{image.reference} has no signed bill of materials",))
    try:
        return cyclonedx_inventory({"cyclonedx-json": compact(document)}, tool)
    except ValueError as fault:
        reason = f"the signed bill of materials of {image.reference} cannot be read: {fault}"
        return Inventory(tool, 0, {}, unexamined=(reason,))
