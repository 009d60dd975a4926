"""Keyless signing inside a Dagger function: the files are in its source, the identity token is an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.engine.faults import explained
from pipeline.engine.secrets import plaintext
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.plan import Plan
    from pipeline.trust.keyless.services import TrustFile
    from pipeline.trust.signatory import StatementSigner

    from .argument_values import ModuleArguments


async def image_signer(given: ModuleArguments, plan: Plan) -> StatementSigner | None:
    """The signer of a project, None where the key pair signs; with the key of a service, it verifies alone. Raises
    ConfigError, UsageError."""
    kms = plan.project.kms
    if kms is not None:
        from pipeline.trust import PublicKey
        from pipeline.trust.kms import KmsSigner

        file = await _file(given, kms.public_key)
        return KmsSigner(kms.reference, PublicKey(file.raw if file else b"", kms.public_key), None)
    keyless = plan.project.keyless
    if keyless is None:
        return None
    from pipeline.trust.keyless import IdentitySignatory, KeylessSigner, read_services

    trusted, signing = await _file(given, keyless.trusted_root), await _file(given, keyless.signing_config)
    signatory = IdentitySignatory(keyless.identity, read_services(trusted))

    async def token() -> str:
        if given.identity_token is None:
            raise UsageError(
                "no identity token to sign with",
                hint="--identity-token env://NAME: the token of the job, for the audience sigstore",
            )
        return (await plaintext(given.identity_token, "--identity-token")).strip()

    return KeylessSigner(signatory, read_services(trusted, signing, signs=True), token)


async def _file(given: ModuleArguments, name: str | None) -> TrustFile | None:
    from pipeline.trust.keyless.services import TrustFile

    if name is None:
        return None
    with explained(f"reading {name}", hint="sign: keyless: in lockage.yml names the files of a Sigstore"):
        return TrustFile((await given.source.file(name).contents()).encode(), name)
