"""What an environment holds, scanned again with today's data: new findings are attested, no tag moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline.model import Descriptor, Digest, Reference, Repository
from pipeline.oci.index import is_attestation
from pipeline.policy import Finding, Tool, Verdict
from pipeline.trust import SignatureRefused, Verification, examine, verify
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass

from .attested_image import AttestedImage
from .judge import judge_published
from .todays_scan import ScanSource, TodaysScan, TodaysScans, beside_json, scan_and_attest

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.model import Gates
    from pipeline.registry import Registry
    from pipeline.run.context import RunContext

_SCHEMES = (".sig", ".att", ".sbom")


@dataclass(frozen=True, slots=True)
class HeldImage:
    """One platform of an index that an environment holds, the tags that name the index, and its gates."""

    image: str
    repository: Repository
    tags: tuple[str, ...]
    child: Descriptor
    gates: Gates = field(repr=False)
    of_index: Verification = field(repr=False)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.repository.tagged(self.tags[0])} ({self.child.platform})"


@dataclass(frozen=True, slots=True)
class Rescanned:
    """The result for one image: the verdicts by today's data and policy, and what differs from the findings before.

    `problem` says why it was not scanned; `source` is None where today's data had judged it already;
    `tool` names the data that judged.
    """

    name: str
    reference: Reference
    tags: tuple[str, ...]
    verdicts: tuple[Verdict, ...] = ()
    opened: tuple[Finding, ...] = ()
    gone: tuple[str, ...] = ()
    source: ScanSource | None = None
    tool: Tool | None = None
    problem: str = ""
    beside: tuple[Tool, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether it was examined and its gates are open."""
        return not self.problem and all(verdict.passed for verdict in self.verdicts)

    def to_json(self) -> dict[str, Any]:
        """The result as data."""
        return {
            "reference": str(self.reference),
            "name": self.name,
            "tags": list(self.tags),
            "scanned": self.source is not None,
            "source": self.source and str(self.source),
            "data_date": self.tool.data_date if self.tool else None,
            "data_digest": self.tool.data_digest if self.tool else None,
            **beside_json(self.beside),
            "problem": self.problem or None,
            "opened": [_finding_json(finding) for finding in self.opened],
            "gone": list(self.gone),
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
        }


async def rescan(context: RunContext, environment: Environment) -> list[Rescanned]:
    """Scan every signed image that an environment holds of the plan's images, and attest findings of newer data.

    Images whose findings are of today's data are judged without an engine. Raises UsageError for a key that cannot
    sign, BuildError, EnvironmentProblem, RegistryError.
    """
    repositories = {t.image: context.repository(environment, t.image) for t in context.plan.targets}
    of_repositories = await each(partial(_held, context), repositories.items())
    held = [image for images, _ in of_repositories for image in images]
    scans = TodaysScans(context)
    images = await each(partial(_attested, context), held)
    judged_by = [one.gates for one in held]
    planned = await each(lambda pair: scans.plan(*pair), zip(images, judged_by, strict=True))
    scanned = await scan_and_attest(context, scans, planned)
    results = [_judged(context, *pair) for pair in zip(held, scanned, strict=True)]
    unsigned = [problem for _, problems in of_repositories for problem in problems]
    return [*results, *unsigned]


async def _held(
    context: RunContext, named: tuple[str, Repository]
) -> tuple[list[HeldImage], list[Rescanned]]:
    """The platforms of the signed indexes in a repository, and what is not one of them."""
    image, repository = named
    held: list[HeldImage] = []
    problems: list[Rescanned] = []
    for digest, tags in (await tags_by_digest(context.registry, repository)).items():
        gates = gates_of(context, image, tags)
        try:
            seen = await verify(context.registry, repository, digest, context.signatory)
        except SignatureRefused as fault:
            problems.append(_unscanned(repository, digest, tags, fault.message))
            continue
        manifest = await context.registry.get_manifest(repository.at(digest))
        children = [c for c in manifest.children if not is_attestation(c) and c.platform] if manifest else []
        if not children:
            problems.append(_unscanned(repository, digest, tags, "it is not an index of platforms"))
        held += [HeldImage(image, repository, tags, child, gates, seen) for child in children]
    return held, problems


async def tags_by_digest(registry: Registry, repository: Repository) -> Mapping[Digest, tuple[str, ...]]:
    """The tags of a repository by what they name, without those that hold signatures and referrers."""
    tags = [tag for tag in await registry.tags(repository) if not _belongs_to_a_digest(tag)]
    heads = await each(lambda tag: registry.head(repository.tagged(tag)), tags)
    out: dict[Digest, list[str]] = {}
    for tag, head in zip(tags, heads, strict=True):
        if head is not None:
            out.setdefault(head.digest, []).append(tag)
    return {digest: tuple(names) for digest, names in out.items()}


def _belongs_to_a_digest(tag: str) -> bool:
    """Whether a tag is one that older clients keep referrers and signatures under (distribution-spec v1.1,
    "Referrers Tag Schema")."""
    algorithm, _, rest = tag.partition("-")
    return algorithm in ("sha256", "sha512") and (len(rest) >= 64 or rest.endswith(_SCHEMES))


def gates_of(context: RunContext, image: str, tags: Iterable[str]) -> Gates:
    """The gates of the target that has one of these tags; of the image's first where the plan has it no longer."""
    targets = [target for target in context.plan.targets if target.image == image]
    named = [target for target in targets if set(target.tags) & set(tags)]
    return (named or targets)[0].gates


def _unscanned(repository: Repository, digest: Digest, tags: tuple[str, ...], problem: str) -> Rescanned:
    reference = repository.at(digest)
    return Rescanned(str(repository.tagged(tags[0])), reference, tags, problem=problem)


async def _attested(context: RunContext, held: HeldImage) -> AttestedImage:
    key = context.signatory
    seen = await examine(context.registry, held.repository, held.child.digest, key)
    return AttestedImage(held.name, held.repository, held.child, seen.statements, held.of_index)


def _judged(context: RunContext, held: HeldImage, scanned: TodaysScan) -> Rescanned:
    return Rescanned(
        held.name,
        scanned.image.reference,
        held.tags,
        judge_published(context, held.image, held.gates, scanned),
        scanned.opened,
        scanned.gone,
        scanned.source,
        scanned.scan.tool,
        beside=scanned.scan.scanners[1:],
    )


def _finding_json(finding: Finding) -> dict[str, str]:
    return {
        "id": finding.id,
        "severity": str(finding.severity),
        "package": finding.package,
        "version": finding.version,
        "fixed": finding.fixed,
    }
