"""Signatures of files, beside them as `FILE.sigstore.json`: Sigstore bundles that `cosign verify-blob` accepts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.model import Digest
from pipeline.registry.artifacts.files import describe
from pipeline.trust import SIGNATURE, SignatureRefused, Statement
from pipeline.trust.claims import Claims
from pipeline.trust.limits import BUNDLE_BYTES
from pipeline.util.files import read_file, replace_file
from pipeline.util.rooted import reason

if TYPE_CHECKING:
    from pipeline.run.signing.signer import Sign
    from pipeline.trust import Signatory

SUFFIX = ".sigstore.json"


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """A file with a valid signature, and what that is for, where it says so."""

    path: Path
    digest: Digest
    claims: Claims | None

    def to_json(self) -> dict[str, object]:
        """As data."""
        claims = self.claims.annotations() if self.claims else None
        return {"file": str(self.path), "digest": str(self.digest), "claims": claims}


def signature_path(path: Path) -> Path:
    """Where the signature of a file is."""
    return path.with_name(path.name + SUFFIX)


async def ensure_file_signed(
    path: Path, claims: Claims, sign: Sign, signatory: Signatory, *, root: Path | None = None
) -> bool:
    """Write the signature of a file for what is claimed, unless it is there; whether it was written. No link below
    `root` is followed. Raises UsageError for a key or token that cannot sign, EnvironmentProblem."""
    digest, _ = await describe(path)
    place = signature_path(path)
    present = _signed(place, digest, signatory)
    if isinstance(present, Statement):
        found = Claims.of(present.annotations)
        if found is not None and not found.unmet(claims):
            return False
    (bundle,) = await sign(path.name, [Statement(digest, SIGNATURE, {}, claims.annotations())])
    try:
        replace_file(place, bundle, root=root)
    except OSError as fault:
        raise EnvironmentProblem(f"cannot write {place}: {reason(fault)}") from None
    return True


async def verify_file(path: Path, signatory: Signatory) -> VerifiedFile:
    """A file as its signature knows it. Raises SignatureRefused unless the signatory has signed just this content,
    UsageError for a file that cannot be read."""
    digest, _ = await describe(path)
    found = _signed(signature_path(path), digest, signatory)
    if isinstance(found, str):
        raise SignatureRefused(
            f"{path} is not signed by {signatory.origin}: {found}",
            hint=f"its signature is {signature_path(path).name} beside it, as lockage export --sign writes it",
        )
    return VerifiedFile(path, digest, Claims.of(found.annotations))


def _signed(place: Path, digest: Digest, signatory: Signatory) -> Statement | str:
    """The signature's statement, or why there is none."""
    try:
        raw = read_file(place, BUNDLE_BYTES)
    except FileNotFoundError:
        return f"{place.name} does not exist"
    except (OSError, EnvironmentProblem) as fault:
        why = reason(fault) if isinstance(fault, OSError) else fault.message
        raise UsageError(f"cannot read {place}: {why}") from None
    statement = signatory.statement(raw, digest)
    if isinstance(statement, Statement) and statement.predicate_type != SIGNATURE:
        return f"{place.name} is an attestation ({statement.predicate_type}), not a signature"
    return statement
