"""Approvals of saved plans on disk: beside the plan's file, each in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.run.gates.rules import signatories_of
from pipeline.trust.limits import BUNDLE_BYTES
from pipeline.util.dataclass import dataclass
from pipeline.util.rooted import RootedFolder

from .rules import named_file

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.config.signing.values import Keyless
    from pipeline.model import Digest
    from pipeline.trust import Signatory, Statement
    from pipeline.trust.signatory import StatementSigner

_INFIX, _SUFFIX = ".approval-", ".sigstore.json"
_MOST = 1000
_WHO = "approvals: from: of the environment in lockage.yml lists who may approve"


def approval_path(plan: Path, signer: Digest) -> Path:
    """Where the approval of a plan by a signer is: `plan.json.approval-….sigstore.json`."""
    return plan.with_name(f"{plan.name}{_INFIX}{signer.hex[:12]}{_SUFFIX}")


def approvals_beside(plan: Path) -> Mapping[str, bytes]:
    """Every file beside a plan that is called as its approvals are, by name. Raises UsageError."""
    prefix = plan.name + _INFIX
    try:
        with RootedFolder.at(plan.parent) as folder:
            names = [name for name in folder.entries() if name.startswith(prefix) and name.endswith(_SUFFIX)]
            if len(names) > _MOST:
                raise UsageError(f"{len(names)} approvals beside {plan}, more than {_MOST}")
            return {name: folder.read(name, BUNDLE_BYTES) for name in sorted(names)}
    except OSError as error:
        raise UsageError(f"cannot read the approvals of {plan}: {error.strerror or error}") from None


def approving(environment: Environment, root: Path) -> tuple[Signatory, ...]:
    """Those who may approve changes of an environment. Raises ConfigError for keys and trusted roots."""
    wanted = environment.approvals
    if wanted is None:
        return ()
    files = {path: named_file(path, root, "lockage.yml") for path in wanted.files}
    return signatories_of(wanted.signers, files)


@dataclass(frozen=True, slots=True)
class _AnyOf:
    """Several identities, of which a signature has to be by one."""

    signatories: tuple[Signatory, ...]

    @property
    def origin(self) -> str:
        return " or ".join(signatory.origin for signatory in self.signatories)

    @property
    def fingerprint(self) -> Digest:
        return self.signatories[0].fingerprint

    @property
    def remedy(self) -> str:
        return self.signatories[0].remedy

    def statement(self, raw: bytes, digest: Digest) -> Statement | str:
        results = [signatory.statement(raw, digest) for signatory in self.signatories]
        return next((one for one in results if not isinstance(one, str)), results[0])


def identity_signer(
    keyless: Keyless | None, signers: Sequence[Signatory], root: Path, environ: Mapping[str, str]
) -> StatementSigner:
    """Signs by the identity of an approver, at the Sigstore that certifies it: the services of `sign: keyless:`, else
    the public ones. Raises UsageError where no identity may approve, ConfigError."""
    from pipeline.trust.keyless import IdentitySignatory, KeylessSigner

    from ..instance.keyless import identity_token, signing_services

    accepted = tuple(signer for signer in signers if isinstance(signer, IdentitySignatory))
    if not accepted:
        raise UsageError("only keys may approve it", hint="lockage approve FILE --key cosign.key")

    async def token() -> str:
        return await identity_token(None, root, environ)

    return KeylessSigner(_AnyOf(accepted), signing_services(keyless, root), token, _WHO)
