"""What an environment holds, scanned again with today's data: new findings are attested, no tag moves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline.engine.image import archive, existing
from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Platform, Reference, Repository, SizeGate
from pipeline.oci.index import is_attestation
from pipeline.policy import Evidence, Finding, Scan, Verdict, judge
from pipeline.run.publish.signer import cosign_signer
from pipeline.run.publish.statements import findings_statement, kind_of
from pipeline.run.target.findings import ImageScanner, ScannedImage
from pipeline.run.target.scanner_data import ScannerData
from pipeline.state.vex import vex_of
from pipeline.trust import VULNERABILITIES, SignatureRefused, Statement, Verification, attach, verify
from pipeline.trust import examine as examine_referrers
from pipeline.util.concurrency import each
from pipeline.util.progress import ProgressState

from .signed_findings import newest_findings, scan_of

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.model import Gates
    from pipeline.run.context import RunContext

_SCHEMES = (".sig", ".att", ".sbom")


@dataclass(frozen=True, slots=True)
class HeldImage:
    """One platform of an index that an environment holds, and the tags that name the index."""

    image: str
    repository: Repository
    tags: tuple[str, ...]
    child: Descriptor
    gates: Gates = field(repr=False)

    @property
    def reference(self) -> Reference:
        """The platform's image by digest."""
        return self.repository.at(self.child.digest)

    @property
    def platform(self) -> Platform:
        """Its platform."""
        assert self.child.platform
        return self.child.platform

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.repository.tagged(self.tags[0])} ({self.platform})"


@dataclass(frozen=True, slots=True)
class Rescanned:
    """The result for one image: the verdicts by today's data and policy, and what differs from the findings before.

    `problem` says why it was not scanned; `scanned` is false where today's data had judged it already.
    """

    name: str
    reference: Reference
    tags: tuple[str, ...]
    verdicts: tuple[Verdict, ...] = ()
    opened: tuple[Finding, ...] = ()
    gone: tuple[str, ...] = ()
    scanned: bool = False
    problem: str = ""

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
            "scanned": self.scanned,
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
    found = await each(partial(_held, context), repositories.items())
    held = [image for images, _ in found for image in images]
    results = await each(partial(_rescan_one, context, ScannerData.of(context)), held)
    await _attest(context, [(image, new) for image, (_, new) in zip(held, results, strict=True) if new])
    unsigned = [problem for _, problems in found for problem in problems]
    return [*(result for result, _ in results), *unsigned]


async def _held(
    context: RunContext, named: tuple[str, Repository]
) -> tuple[list[HeldImage], list[Rescanned]]:
    """The platforms of the signed indexes in a repository, and what is not one of them."""
    image, repository = named
    held: list[HeldImage] = []
    problems: list[Rescanned] = []
    for digest, tags in (await _by_digest(context, repository)).items():
        gates = _gates(context, image, tags)
        try:
            await verify(context.registry, repository, digest, context.signing.public_key)
        except SignatureRefused as fault:
            problems.append(_unscanned(repository, digest, tags, fault.message))
            continue
        manifest = await context.registry.get_manifest(repository.at(digest))
        children = [c for c in manifest.children if not is_attestation(c) and c.platform] if manifest else []
        if not children:
            problems.append(_unscanned(repository, digest, tags, "it is not an index of platforms"))
        held += [HeldImage(image, repository, tags, child, gates) for child in children]
    return held, problems


async def _by_digest(context: RunContext, repository: Repository) -> Mapping[Digest, tuple[str, ...]]:
    """The tags of a repository by what they name, without those that hold signatures and referrers."""
    tags = [tag for tag in await context.registry.tags(repository) if not _belongs_to_a_digest(tag)]
    heads = await each(lambda tag: context.registry.head(repository.tagged(tag)), tags)
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


def _gates(context: RunContext, image: str, tags: Iterable[str]) -> Gates:
    """The gates of the target that has one of these tags; of the image's first where the plan has it no longer."""
    targets = [target for target in context.plan.targets if target.image == image]
    named = [target for target in targets if set(target.tags) & set(tags)]
    return (named or targets)[0].gates


def _unscanned(repository: Repository, digest: Digest, tags: tuple[str, ...], problem: str) -> Rescanned:
    reference = repository.at(digest)
    return Rescanned(str(repository.tagged(tags[0])), reference, tags, problem=problem)


async def _rescan_one(
    context: RunContext, data: ScannerData, held: HeldImage
) -> tuple[Rescanned, Statement | None]:
    """The result of one image, and the statement to attach where its findings are of other data than today's."""
    seen = await examine_referrers(
        context.registry, held.repository, held.child.digest, context.signing.public_key
    )
    newest = newest_findings(seen.statements)
    before = _read(newest) if newest else None
    today = await data.vulnerabilities.digest()
    if newest and before and before.is_complete and kind_of(newest) == (VULNERABILITIES, today):
        return replace(_judged(context, held, seen, before, before), scanned=False), None
    image = await _image(context, held)
    client = await context.engines.of(held.platform).client()
    packed = archive(existing(client, held.reference, held.platform))
    async with context.limits.tools:
        context.tell(held.name, ProgressState.SCAN)
        scan, document = await ImageScanner(context, data).scan(image, packed, holds_java=False)
    result = _judged(context, held, seen, scan, before)
    if document is None or not scan.is_complete:
        return result, None  # what was not examined is not attested: the next rescan looks again
    return result, findings_statement(held.child.digest, scan, json.loads(document))


async def _image(context: RunContext, held: HeldImage) -> ScannedImage:
    manifest = await context.registry.get_manifest(held.reference)
    if manifest is None or manifest.config is None:
        raise RegistryError(f"{held.reference} is listed and is no image")
    config = await context.registry.blob(held.repository, manifest.config)
    return ScannedImage(held.name, held.reference, held.platform, manifest, config)


def _judged(
    context: RunContext, held: HeldImage, seen: Verification, scan: Scan, before: Scan | None
) -> Rescanned:
    gates = replace(held.gates, size=SizeGate())  # its layers are those that were judged
    subject = context.subject(held.image, held.child.digest)
    vex = vex_of(seen.statements, held.repository, held.child.digest, subject)
    verdicts = judge(Evidence(0, scan=scan), gates, context.today, vex)
    old = {(f.id, f.package) for f in before.findings} if before else set()
    new = {(f.id, f.package) for f in scan.findings}
    return Rescanned(
        held.name,
        held.reference,
        held.tags,
        verdicts,
        tuple(f for f in scan.findings if (f.id, f.package) not in old),
        tuple(sorted(f"{id} in {package}" for id, package in old - new)),
        scanned=True,
    )


async def _attest(context: RunContext, statements: Sequence[tuple[HeldImage, Statement]]) -> None:
    """Sign all statements in one step, and attach each to its image."""
    if not statements:
        return
    sign = cosign_signer(context)
    bundles = await sign("new findings", [statement for _, statement in statements])
    created = int(datetime.now(UTC).timestamp())
    for (held, _), bundle in zip(statements, bundles, strict=True):
        await attach(context.registry, held.repository, held.child, bundle, created=created)


def _read(statement: Statement) -> Scan | None:
    """The scan of signed findings; None if they cannot be read, so that the image is scanned."""
    try:
        return scan_of(statement)
    except ValueError:
        return None


def _finding_json(finding: Finding) -> dict[str, str]:
    return {
        "id": finding.id,
        "severity": str(finding.severity),
        "package": finding.package,
        "version": finding.version,
        "fixed": finding.fixed,
    }
