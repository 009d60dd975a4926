"""findings: the vulnerabilities that scans found, from the registry alone; no engine is started."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group, repeated
from ...command import Command
from ...common_options import CatalogueOptions, CommonOptions, SignatoryOptions, locked_flag
from ...output import console
from ...references import parse_references

if TYPE_CHECKING:
    from pipeline.model import Reference, Severity
    from pipeline.report.values import Report, ReportedFinding

_WIDEST = 60  # characters of a place or an entry in the table; --json has all


def _severities(texts: tuple[str, ...]) -> frozenset[Severity]:
    """Names of severities, with commas or repeated; none means all."""
    from pipeline.model import Severity
    from pipeline.util.suggest import did_you_mean

    names = [name.strip().upper() for text in texts for name in text.split(",") if name.strip()]
    for name in names:
        if name not in Severity.__members__:
            suggestion = did_you_mean(name, Severity.__members__)
            hint = f"{suggestion}; " if suggestion else ""
            raise UsageError(
                f"{name!r} is no severity", hint=f"{hint}one of {', '.join(Severity.__members__)}"
            )
    return frozenset(Severity(name) for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsOptions:
    """What `findings` understands."""

    common: CommonOptions = group(CommonOptions)
    catalogue: CatalogueOptions = group(CatalogueOptions)
    locked: bool = locked_flag()
    severities: frozenset[Severity] = repeated(
        "--severity",
        metavar="SEVERITY",
        convert=_severities,
        help="only this severity; with commas, or repeated",
    )
    fixable: bool = flag("--fixable", help="only what a newer version of the package fixes")
    images: tuple[Reference, ...] = repeated(
        "--image",
        metavar="IMAGE",
        convert=parse_references,
        help="what is attested on this image instead; may be repeated",
    )
    signatory: SignatoryOptions = group(SignatoryOptions)


def findings(options: FindingsOptions) -> int:
    """Print the findings of targets or images, worst first. Raises UsageError, RegistryError."""
    from pipeline.report.data import FORMAT_VERSION, target_data

    from ... import signals

    if options.images and options.catalogue.selection.targets:
        raise UsageError("--image names images, not targets", hint="leave out the targets, or --image")
    report = _selected(signals.run(partial(_report, options)), options)
    if options.common.json:
        targets = [target_data(report, target) for target in report.targets]
        console.print_json({"format_version": FORMAT_VERSION, "targets": targets})
    else:
        _print_table(report)
    _print_notes(report, options)
    return Exit.OK


async def _report(options: FindingsOptions) -> Report:
    if options.images:
        return await _of_images(options)
    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...reports.write import collector_of
    from ...run_context import RunRequest, open_run

    plan = PlanRequest.of(options.common, options.catalogue, locked=options.locked)
    async with open_run("findings", RunRequest(plan, keys=True), Progress()) as context:
        collected = await collector_of(context, os.environ, whole=True).of_records("findings")
        return collected.report


async def _of_images(options: FindingsOptions) -> Report:
    """Any image, from any folder: without a catalogue, and without the instance unless the image is there."""
    from pipeline.lab.settings import LabSettings
    from pipeline.registry import Registry
    from pipeline.reporting.images import report_images

    from ...instance.session import registry_session
    from ...instance.verification import signatory
    from ...output.progress import Progress
    from ...registry_access import registry_access

    key = signatory(options.signatory, os.environ, LabSettings.from_env(os.environ).data)
    hosts = {image.repository.host for image in options.images}
    async with (
        registry_session(options.common.root, "findings", Progress(), hosts),
        Registry(registry_access()) as registry,
    ):
        return await report_images(registry, options.images, key)


def _selected(report: Report, options: FindingsOptions) -> Report:
    def wanted(finding: ReportedFinding) -> bool:
        if options.severities and finding.severity not in options.severities:
            return False
        return bool(finding.finding.fixed) or not options.fixable

    targets = [replace(t, findings=tuple(filter(wanted, t.findings))) for t in report.targets]
    return replace(report, targets=tuple(targets))


def _print_table(report: Report) -> None:
    """One line a finding, the worst of all targets first. Columns without content are left out."""
    from pipeline.policy import Effect
    from pipeline.run.summary import columns

    pairs = [(finding, target) for target in report.targets for finding in target.findings]
    pairs.sort(
        key=lambda pair: (
            pair[0].effect is not Effect.CLOSES,
            -pair[0].severity.rank,
            pair[0].finding.id,
            pair[0].finding.package,
            pair[1].id,
        )
    )
    if not pairs:
        return
    joined = any(finding.finding.scanners for finding, _ in pairs)  # by more than trivy
    names = ("severity", "id", "package", "installed", "fixed", "where", "since", "gate")
    header = (*names, *(("by",) if joined else ()), "target")
    rows = [(*_row(finding), *(_by(finding) if joined else ()), target.id) for finding, target in pairs]
    console.print_text(columns([header, *rows]))


def _row(finding: ReportedFinding) -> tuple[str, ...]:
    vulnerability = finding.finding
    layer = finding.layer.created_by if finding.layer else ""
    line = f"{finding.location.path}:{finding.location.line}" if finding.location else ""
    place = ", ".join(filter(None, (finding.path, line or layer)))
    gate = finding.taken_out or finding.effect or "-"
    return (
        str(vulnerability.severity).lower(),
        vulnerability.id,
        vulnerability.package,
        vulnerability.version,
        vulnerability.fixed or "-",
        _short(place) or "-",
        finding.since or "-",
        _short(str(gate)),
    )


def _by(finding: ReportedFinding) -> tuple[str]:
    """Who reported it; trivy where only trivy looked."""
    return (", ".join(finding.finding.scanners) or "trivy",)


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def _print_notes(report: Report, options: FindingsOptions) -> None:
    from pipeline.report.counts import counted, data_of, severities

    for target in report.targets:
        if target.scanned is None:
            console.message(f"{target.id}: not scanned: {target.reason or 'lockage scan scans it'}")
        if target.verified is False:
            console.message(f"warning: {target.id}: these findings are not signed by whom they should be")
    everything = [finding for target in report.targets for finding in target.findings]
    scanned = [target for target in report.targets if target.scanned]
    console.message(
        f"{_count(scanned, 'target')}, {_count(everything, 'finding')}: {counted(severities(everything))}"
    )
    tools = [tool for target in scanned if target.scanned for tool in target.scanned.tools]
    for text in dict.fromkeys(data_of(report, tool) for tool in tools):
        console.message(f"by {text}")


def _count(items: Iterable[object], noun: str) -> str:
    from pipeline.report.counts import plural

    return plural(len(list(items)), noun)


COMMANDS = {"findings": Command(FindingsOptions, findings)}
