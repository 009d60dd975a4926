"""The verdicts of a published image: its scan of today, what VEX says of it, and the licenses in its attested bill of
materials."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.errors import GateClosed
from pipeline.model import SizeGate
from pipeline.policy import Evidence, Inventory, Tool, Verdict, judge
from pipeline.policy.gates.context import GateContext
from pipeline.policy.reports import cyclonedx_inventory
from pipeline.util.json.canonical import compact

if TYPE_CHECKING:
    from pipeline.model import Gates
    from pipeline.plan import Target
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


def refuse_closed(context: RunContext, judged: Iterable[tuple[Target, TodaysScan]]) -> None:
    """Raises GateClosed for the images whose gates close by these scans of their platforms."""
    closed: dict[str, list[str]] = {}
    for target, scan in judged:
        reasons = list(_reasons(context, target, scan))
        if reasons:
            closed.setdefault(target.name, []).extend(reasons)
    if closed:
        one = len(closed) == 1
        raise GateClosed(
            f"{', '.join(closed)} {'is' if one else 'are'} not promoted: "
            f"{'its gate closes' if one else 'their gates close'} by today's policy and data",
            hint="patch the image, add an ignore with owner, reason and expiry, or attest VEX",
            detail="\n".join(reason for reasons in closed.values() for reason in reasons),
        )


def _reasons(context: RunContext, target: Target, scan: TodaysScan) -> Iterable[str]:
    """What closes the gates of a platform, and what of its findings is new."""
    verdicts = judge_published(context, target.image, target.gates, scan)
    reasons = [reason for verdict in verdicts if not verdict.passed for reason in verdict.reasons]
    if not reasons:
        return ()
    opened = [f"{finding.id} in {finding.package}" for finding in scan.opened]
    since = (scan.before.tool.data_date or "")[:10] if scan.before else ""
    new = [f"new since the findings of {since}: {', '.join(opened)}"] if opened else []
    return [*reasons, *new]
