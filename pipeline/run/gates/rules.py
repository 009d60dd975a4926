"""Whether an image meets the rules for its use: its index and each platform, every rule with what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError, UsageError
from pipeline.model import Descriptor, Digest, Reference
from pipeline.model.verification import AcceptedSigner, VerificationRules
from pipeline.oci.index import is_attestation
from pipeline.policy.verification.judge import Attested, Check, judge_attestations
from pipeline.trust import PublicKey, Signatory, SignatureRefused
from pipeline.trust.any_signer import Accepted, examine_by
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.config import Project
    from pipeline.config.verification.file import RulesOfImages
    from pipeline.oci.source import ImageSource


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """Rules, with those whose signatures count, and where they stand (a file's name)."""

    rules: VerificationRules
    signatories: tuple[Signatory, ...]
    origin: str


def rules_in_force(
    rules: VerificationRules, files: Mapping[str, bytes], origin: str, default: Signatory | None
) -> RulesInForce:
    """Rules with those whose signatures count: who they name, else the default. `files` are those that they name.

    Raises UsageError where nobody is named, ConfigError for keys and trusted roots.
    """
    named = signatories_of(rules.signers, files)
    if not named and default is None:
        raise UsageError(
            f"{origin} names no signers", hint="add signers: to the rules, or name a key: --key FILE"
        )
    return RulesInForce(rules, named or (default,) if default else named, origin)


def rules_for(rules: RulesOfImages, reference: Reference, origin: str) -> VerificationRules:
    """The rules that a file has for a reference. Raises UsageError if it has none."""
    in_force = rules.of(reference.repository)
    if in_force is None:
        raise UsageError(
            f"{origin} has no rules for {reference.repository}",
            hint='add an entry with images: that match it; images: ["**"] is for all',
        )
    return in_force


def rules_of_environments(
    project: Project, files: Mapping[str, bytes], default: Signatory
) -> Mapping[str, RulesInForce]:
    """The rules of environments in lockage.yml, by name. Raises ConfigError for keys and trusted roots."""
    return {
        environment.name: rules_in_force(environment.verify, files, environment.rules_name, default)
        for environment in project.environments
        if environment.verify is not None
    }


def signatories_of(signers: Iterable[AcceptedSigner], files: Mapping[str, bytes]) -> tuple[Signatory, ...]:
    """Those who are meant; `files` are the keys and trusted roots that they name. Raises ConfigError."""
    return tuple(_signatories(signers, files))


def _signatories(signers: Iterable[AcceptedSigner], files: Mapping[str, bytes]) -> Iterable[Signatory]:
    for signer in signers:
        if signer.identity is None:
            key = signer.key or ""
            yield PublicKey(files[key], key)
            continue
        from pipeline.trust.keyless import IdentitySignatory, read_services
        from pipeline.trust.keyless.services import TrustFile

        path = signer.trusted_root
        root = None if path is None else TrustFile(files[path], path)
        yield IdentitySignatory(signer.identity, read_services(root))


@dataclass(frozen=True, slots=True)
class CheckedSubject:
    """An index, or the image of a platform, with the check of each rule; `refused` are statements that do not count."""

    name: str
    digest: Digest
    signed_by: tuple[str, ...]
    checks: tuple[Check, ...]
    refused: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The subject as data."""
        return {
            "subject": self.name,
            "digest": str(self.digest),
            "signed_by": list(self.signed_by),
            "checks": [check.to_json() for check in self.checks],
            "refused": list(self.refused),
        }


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """An image by digest, with all that was checked of it."""

    reference: Reference
    rules: str
    subjects: tuple[CheckedSubject, ...]

    @property
    def unmet(self) -> tuple[tuple[CheckedSubject, Check], ...]:
        """The checks that failed."""
        return tuple((s, check) for s in self.subjects for check in s.checks if not check.passed)

    def to_json(self) -> dict[str, object]:
        """The image as data."""
        return {
            "reference": str(self.reference),
            "rules": self.rules,
            "met": not self.unmet,
            "subjects": [subject.to_json() for subject in self.subjects],
        }

    def refuse(self) -> None:
        """Raises SignatureRefused unless every rule is met: the first that is not, and all of them as detail."""
        if not self.unmet:
            return
        subject, check = self.unmet[0]
        lines = [f"{s.name}: {c.rule}: found {c.found}; wanted {c.wanted}" for s, c in self.unmet]
        refused = [f"{s.name}: left out {reason}" for s in self.subjects for reason in s.refused]
        raise SignatureRefused(
            f"{self.reference} does not meet {self.rules}: "
            f"{subject.name}: {check.rule} is {check.found}, wanted {check.wanted}",
            hint=_HINTS.get(check.rule.partition(".")[0], _OTHER),
            detail="\n".join((*lines, *refused)),
        )


_OTHER = "use an image that meets the rules, or change them where they stand"
_HINTS = {
    "signers": "name its signer under signers:, or have it signed by one of them (lockage sign)",
    "attestations": "lockage sign attaches what a run attests; then verify again",
}


async def check_rules(
    registry: ImageSource, reference: Reference, in_force: RulesInForce, now: int
) -> CheckedImage:
    """Check an image by rules: its index, and all that it lists but BuildKit's attestations. `now` is in seconds since
    1970. An index that lists no image meets no rules. Raises RegistryError.
    """
    image = await registry.get_manifest(reference)
    if image is None:
        raise RegistryError(f"{reference} does not exist", hint="check its repository, tag or digest")
    children = [child for child in image.children if child.platform or not is_attestation(child)]

    async def one(name: str, digest: Digest, attested: bool) -> CheckedSubject:
        seen = await examine_by(registry, reference.repository, digest, in_force.signatories)
        checks = [_signature(seen, in_force.signatories)]
        if image.is_index and not children:
            checks.append(Check("platforms", "at least one", "none", passed=False))
        if attested:
            statements = [Attested(s.predicate_type, s.predicate) for s, _ in seen.statements]
            checks += judge_attestations(in_force.rules, statements, now)
        return CheckedSubject(name, digest, seen.signed_by, tuple(checks), seen.refused)

    async def platform(child: Descriptor) -> CheckedSubject:
        return await one(str(child.platform or child.digest), child.digest, True)

    whole = await one("index" if image.is_index else "image", image.digest, not image.is_index)
    subjects = (whole, *await each(platform, children))
    return CheckedImage(reference.repository.at(image.digest), in_force.origin, subjects)


def _signature(seen: Accepted, signatories: Sequence[Signatory]) -> Check:
    wanted = " or ".join(f"signed by {signatory.origin}" for signatory in signatories)
    actual = f"signed by {', '.join(seen.signed_by)}" if seen.signed_by else "not signed by them"
    if not seen.statements and not seen.refused:
        actual = "not signed"
    return Check("signers", wanted, actual, bool(seen.signed_by))
