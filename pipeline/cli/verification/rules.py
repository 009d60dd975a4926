"""A file of rules, with the keys and trusted roots that it names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.verification.file import RulesOfImages, read_rules
from pipeline.errors import ConfigError, EnvironmentProblem, Problem, UsageError
from pipeline.model import Reference
from pipeline.model.verification import AcceptedSigner, VerificationRules
from pipeline.release.rules import RulesInForce
from pipeline.trust import PublicKey
from pipeline.trust.limits import KEY_BYTES
from pipeline.util.files import read_file

if TYPE_CHECKING:
    from pipeline.trust import Signatory

_MOST_BYTES = 1024 * 1024
_ROOT_BYTES = 4 * 1024 * 1024


def rules_file(path: Path) -> RulesOfImages:
    """The rules of a file. Raises UsageError if it cannot be read, ConfigError for its mistakes."""
    try:
        return read_rules(read_file(path, _MOST_BYTES), str(path))
    except (OSError, EnvironmentProblem) as error:
        raise UsageError(f"cannot read the rules {path}: {_reason(error)}") from None


def rules_for(
    references: Sequence[Reference], rules: RulesOfImages, path: Path, default: Signatory | None
) -> list[RulesInForce]:
    """The rules in force for each reference; `default` counts where they name no signer.

    Raises UsageError for a reference without rules, ConfigError for keys and roots.
    """
    return [
        in_force(_of(reference, rules, path), path.parent, str(path), default) for reference in references
    ]


def in_force(rules: VerificationRules, folder: Path, origin: str, default: Signatory | None) -> RulesInForce:
    """Rules with those whose signatures count: who they name, else the default. Raises UsageError, ConfigError."""
    named: tuple[Signatory, ...] = tuple(_signatories(rules.signers, folder, origin))
    if not named and default is None:
        raise UsageError(
            f"{origin} names no signers", hint="add signers: to the rules, or name a key: --key FILE"
        )
    return RulesInForce(rules, named or (default,) if default else named, origin)


def _of(reference: Reference, rules: RulesOfImages, path: Path) -> VerificationRules:
    found = rules.of(reference.repository)
    if found is None:
        raise UsageError(
            f"{path} has no rules for {reference.repository}",
            hint='add an entry with images: that match it; images: ["**"] is for all',
        )
    return found


def _signatories(signers: Iterable[AcceptedSigner], folder: Path, origin: str) -> Iterable[Signatory]:
    for signer in signers:
        if signer.identity is None:
            key = signer.key or ""
            yield PublicKey(_content(key, folder, KEY_BYTES, f"{origin}: signers.key"), key)
            continue
        from pipeline.trust.keyless import IdentitySignatory, read_services
        from pipeline.trust.keyless.services import TrustFile

        root = None
        if signer.trusted_root is not None:
            place = f"{origin}: signers.trusted_root"
            root = TrustFile(_content(signer.trusted_root, folder, _ROOT_BYTES, place), signer.trusted_root)
        yield IdentitySignatory(signer.identity, read_services(root))


def _content(path: str, folder: Path, limit: int, place: str) -> bytes:
    try:
        return read_file(folder / path, limit, root=folder)
    except (OSError, EnvironmentProblem) as error:
        origin, _, key = place.partition(": ")
        hint = "name files by their path from the one with the rules"
        problem = f"{path} cannot be read: {_reason(error)}"
        raise ConfigError([Problem(origin, 0, 0, key, problem, hint)]) from None


def _reason(error: OSError | EnvironmentProblem) -> str:
    return error.message if isinstance(error, EnvironmentProblem) else error.strerror or str(error)
