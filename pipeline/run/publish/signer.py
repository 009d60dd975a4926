"""Signs statements with the site's key pair: cosign in the engine, each bundle checked before anybody sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from pipeline.engine import sign as sign_step
from pipeline.errors import UsageError
from pipeline.trust import Bundle, Statement
from pipeline.util.progress import ProgressState

if TYPE_CHECKING:
    from ..context import RunContext

Sign = Callable[[str, Sequence[Statement]], Awaitable[list[bytes]]]
"""`sign(name, statements)`: a bundle for each statement about `name`, in the order given."""


def cosign_signer(context: RunContext) -> Sign:
    """Signs with the key pair of a run, each time raising UsageError when there is no private half, or when the halves
    do not belong together."""
    keys = context.signing

    async def sign(name: str, statements: Sequence[Statement]) -> list[bytes]:
        sealed, client = keys.sealed, await context.engine.client()
        key = sign_step.SigningKey(
            client.set_secret("cosign-key", sealed.decode()),
            "cosign-key",
            client.set_secret("cosign-password", keys.password),
            "cosign-password",
            str(keys.fingerprint),
        )
        async with context.limits.tools:
            context.tell(name, ProgressState.SIGN, f"{len(statements)} statements")
            bundles = await sign_step.sign(
                client,
                context.tools.image("cosign"),
                key,
                [statement.to_json() for statement in statements],
                subject=name,
            )
        public_key = keys.public_key
        if not all(public_key.signed(Bundle.parse(bundle)) for bundle in bundles):
            raise UsageError(
                f"the private key does not belong to the public key ({keys.origin}); nothing was attached",
                hint="give both halves of one pair: COSIGN_PRIVATE_KEY and COSIGN_PUBLIC_KEY",
            )
        return bundles

    return sign
