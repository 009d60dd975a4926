"""Signatures and provenance of files, beside them as `FILE.sigstore.json` and `FILE.provenance.sigstore.json`: Sigstore
bundles that `cosign verify-blob` and `cosign verify-blob-attestation` accept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.model import Digest
from pipeline.registry.artifacts.files import describe
from pipeline.trust import PROVENANCE, SIGNATURE, SignatureRefused, Statement
from pipeline.trust.claims import ATTESTED, Claims
from pipeline.trust.limits import BUNDLE_BYTES
from pipeline.util.dataclass import dataclass
from pipeline.util.files import read_file, replace_file
from pipeline.util.rooted import reason

if TYPE_CHECKING:
    from pipeline.run.signing.signer import Sign
    from pipeline.trust import Signatory

SUFFIX = ".sigstore.json"
PROVENANCE_SUFFIX = ".provenance.sigstore.json"


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """A file with a valid signature: what that is for, where it says so, and its provenance, where it has any."""

    path: Path
    digest: Digest
    claims: Claims | None
    provenance: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, object]:
        """As data."""
        claims = self.claims.annotations() if self.claims else None
        provenance = dict(self.provenance) if self.provenance is not None else None
        return {
            "file": str(self.path),
            "digest": str(self.digest),
            "claims": claims,
            "provenance": provenance,
        }


def signature_path(path: Path) -> Path:
    """Where the signature of a file is."""
    return path.with_name(path.name + SUFFIX)


def provenance_path(path: Path) -> Path:
    """Where the provenance of a file is."""
    return path.with_name(path.name + PROVENANCE_SUFFIX)


async def ensure_file_attested(
    path: Path,
    provenance: Callable[[], Mapping[str, Any]],
    sign: Sign,
    signatory: Signatory,
    *,
    root: Path | None = None,
) -> bool:
    """Write the provenance of a file unless it has some by this signatory; whether it was written. A signature that
    claims it comes after it. No link below `root` is followed. Raises UsageError for a key or token that cannot sign,
    EnvironmentProblem."""
    digest, _ = await describe(path)
    place = provenance_path(path)
    if isinstance(_statement(place, digest, signatory, PROVENANCE), Statement):
        return False
    (bundle,) = await sign(path.name, [Statement(digest, PROVENANCE, provenance())])
    _write(place, bundle, root)
    return True


async def ensure_file_signed(
    path: Path, claims: Claims, sign: Sign, signatory: Signatory, *, root: Path | None = None
) -> bool:
    """Write the signature of a file for what is claimed, unless it is there; whether it was written. No link below
    `root` is followed. Raises UsageError for a key or token that cannot sign, EnvironmentProblem."""
    digest, _ = await describe(path)
    place = signature_path(path)
    present = _statement(place, digest, signatory, SIGNATURE)
    if isinstance(present, Statement):
        signed_claims = Claims.of(present.annotations)
        if signed_claims is not None and not signed_claims.unmet(claims):
            return False
    (bundle,) = await sign(path.name, [Statement(digest, SIGNATURE, {}, claims.annotations())])
    _write(place, bundle, root)
    return True


async def verify_file(path: Path, signatory: Signatory) -> VerifiedFile:
    """A file as its signature knows it. Raises SignatureRefused unless the signatory has signed just this content, and
    attested its provenance if the signature says so; UsageError for a file that cannot be read."""
    digest, _ = await describe(path)
    statement = _statement(signature_path(path), digest, signatory, SIGNATURE)
    if isinstance(statement, str):
        raise SignatureRefused(
            f"{path} is not signed by {signatory.origin}: {statement}",
            hint=f"its signature is {signature_path(path).name} beside it, as lockage export --sign writes it",
        )
    claims = Claims.of(statement.annotations)
    made = _statement(provenance_path(path), digest, signatory, PROVENANCE)
    if isinstance(made, Statement):
        return VerifiedFile(path, digest, claims, made.predicate)
    if claims and claims.provenance == ATTESTED:
        raise SignatureRefused(
            f"{path} has no provenance by {signatory.origin}, and its signature says that it was attested: {made}",
            hint=f"carry {provenance_path(path).name} along beside it; lockage export --sign writes it again",
        )
    return VerifiedFile(path, digest, claims)


def _statement(place: Path, digest: Digest, signatory: Signatory, predicate_type: str) -> Statement | str:
    """The statement in a file, or why there is none."""
    try:
        raw = read_file(place, BUNDLE_BYTES)
    except FileNotFoundError:
        return f"{place.name} does not exist"
    except (OSError, EnvironmentProblem) as fault:
        why = reason(fault) if isinstance(fault, OSError) else fault.message
        raise UsageError(f"cannot read {place}: {why}") from None
    statement = signatory.statement(raw, digest)
    if isinstance(statement, Statement) and statement.predicate_type != predicate_type:
        kind = "a signature" if predicate_type == SIGNATURE else "provenance"
        return f"{place.name} is an attestation ({statement.predicate_type}), not {kind}"
    return statement


def _write(place: Path, bundle: bytes, root: Path | None) -> None:
    """Replace a file. Raises EnvironmentProblem."""
    try:
        replace_file(place, bundle, root=root)
    except OSError as fault:
        raise EnvironmentProblem(f"cannot write {place}: {reason(fault)}") from None
