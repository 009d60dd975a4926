"""Signatures by cosign with a key pair: statements in, bundles out, without a registry or a network.

Cosign signs the in-toto statement. The registry client attaches the bundle to the image, so the key and the registry's
credentials are never in one place. (Bundle format v0.3, as `cosign sign` writes it.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.model import Reference

from .faults import explained
from .offline import OfflineStep, SecretFile, run_offline

if TYPE_CHECKING:
    import dagger

BINARY = "/ko-app/cosign"
# A key pair needs no transparency log, timestamp or trusted root; without this, cosign would fetch them.
_SIGNING_CONFIG = (
    '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}'
)
_TRUSTED_ROOT = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
_OPTIONS = (
    "--key",
    "/run/cosign.key",
    "--signing-config",
    "/in/signing.json",
    "--trusted-root",
    "/in/root.json",
    "--yes",
)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A cosign private key and its password, as secrets of the engine; `fingerprint` identifies the key.

    Secrets are not part of the engine's cache keys: without the fingerprint, a new key would get what the old one
    signed.
    """

    private: dagger.Secret
    private_name: str
    password: dagger.Secret
    password_name: str
    fingerprint: str


async def sign(
    client: dagger.Client, tool: Reference, key: SigningKey, statements: Sequence[bytes], *, subject: str
) -> list[bytes]:
    """One bundle for each statement, in the same order; raises BuildError (wrong password, broken key)."""
    inputs = client.directory().with_new_file("signing.json", _SIGNING_CONFIG)
    inputs = inputs.with_new_file("root.json", _TRUSTED_ROOT).with_new_file("key", key.fingerprint)
    commands = []
    for number, statement in enumerate(statements):
        inputs = inputs.with_new_file(f"{number}.json", statement.decode())
        commands.append(
            [
                BINARY,
                "attest-blob",
                *_OPTIONS,
                "--statement",
                f"/in/{number}.json",
                "--bundle",
                f"/out/{number}.json",
            ]
        )
    secrets = [
        SecretFile(key.private, key.private_name, target="/run/cosign.key"),
        SecretFile(key.password, key.password_name, variable="COSIGN_PASSWORD"),
    ]
    with explained(f"signing {subject}", hint="check the key and COSIGN_PASSWORD; `lockage sign --help`"):
        out = run_offline(client, OfflineStep(tool, commands, secrets=secrets), inputs)
        return [(await out.file(f"{n}.json").contents()).encode() for n in range(len(statements))]
