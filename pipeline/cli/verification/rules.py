"""A file of rules, with the keys that it names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.config.verification.file import RulesOfImages, read_rules
from pipeline.errors import ConfigError, EnvironmentProblem, Problem, UsageError
from pipeline.model import Reference
from pipeline.model.verification import AcceptedSigner, VerificationRules
from pipeline.release.rules import RulesInForce
from pipeline.trust import PublicKey
from pipeline.trust.accepted import KeyVerifier, Verifier
from pipeline.trust.limits import KEY_BYTES
from pipeline.util.files import read_file

_MOST_BYTES = 1024 * 1024


def rules_file(path: Path) -> RulesOfImages:
    """The rules of a file. Raises UsageError if it cannot be read, ConfigError for its mistakes."""
    try:
        return read_rules(read_file(path, _MOST_BYTES), str(path))
    except (OSError, EnvironmentProblem) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot read the rules {path}: {reason}") from None


def rules_for(
    references: Sequence[Reference], rules: RulesOfImages, path: Path, site: PublicKey | None
) -> list[RulesInForce]:
    """The rules in force for each reference; `site` counts where they name no signer.

    Raises UsageError for a reference without rules, ConfigError for keys.
    """
    return [in_force(_of(reference, rules, path), path.parent, str(path), site) for reference in references]


def in_force(rules: VerificationRules, folder: Path, origin: str, site: PublicKey | None) -> RulesInForce:
    """Rules with those whose signatures count: who they name, else the site. Raises UsageError, ConfigError."""
    verifiers: tuple[Verifier, ...] = tuple(_verifiers(rules.signers, folder, origin))
    if not verifiers:
        if site is None:
            raise UsageError(
                f"{origin} names no signers", hint="add signers: to the rules, or name a key: --key FILE"
            )
        verifiers = (KeyVerifier(site),)
    return RulesInForce(rules, verifiers, origin)


def _of(reference: Reference, rules: RulesOfImages, path: Path) -> VerificationRules:
    found = rules.of(reference.repository)
    if found is None:
        raise UsageError(
            f"{path} has no rules for {reference.repository}",
            hint='add an entry with images: that match it; images: ["**"] is for all',
        )
    return found


def _verifiers(signers: Iterable[AcceptedSigner], folder: Path, origin: str) -> Iterable[Verifier]:
    for signer in signers:
        if signer.key is None:
            raise UsageError(f"{origin}: identities cannot be verified yet: {signer}")
        yield KeyVerifier(_key(signer.key, folder, origin))


def _key(path: str, folder: Path, origin: str) -> PublicKey:
    try:
        return PublicKey(read_file(folder / path, KEY_BYTES, root=folder), path)
    except (OSError, EnvironmentProblem) as error:
        problem = f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"
        hint = "name files of public keys, by their path from the file with the rules"
        raise ConfigError([Problem(origin, 0, 0, "signers.key", problem, hint)]) from None
