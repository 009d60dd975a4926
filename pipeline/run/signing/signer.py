"""Signs statements with the site's key pair or by its identity; each bundle is checked before anybody sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import anyio.to_thread

from pipeline.trust import PrivateKey, Statement, signed_bundle
from pipeline.util.progress import ProgressState

if TYPE_CHECKING:
    from pipeline.trust import PublicKey
    from pipeline.trust.keypair import KeyPair

    from ..context import RunContext

Sign = Callable[[str, Sequence[Statement]], Awaitable[list[bytes]]]
"""`sign(name, statements)`: a bundle for each statement about `name`, in the order given."""


def signer(context: RunContext) -> Sign:
    """Signs images for a run: by an identity or the key of a service, else with the key pair.

    Signing raises UsageError when there is no private half, or when the halves do not belong together; else what
    `StatementSigner.sign` raises.
    """
    by_key = with_key(context.signing)

    async def sign(name: str, statements: Sequence[Statement]) -> list[bytes]:
        context.tell(name, ProgressState.SIGN, f"{len(statements)} statements")
        if context.image_signer:
            return await context.image_signer.sign(statements)
        return await by_key(name, statements)

    return sign


def with_key(pair: KeyPair) -> Sign:
    """Signs with a key pair."""
    private = PrivateKey(pair)

    async def sign(_: str, statements: Sequence[Statement]) -> list[bytes]:
        return await anyio.to_thread.run_sync(_sign_all, private, pair.public_key, statements)

    return sign


def _sign_all(private: PrivateKey, public: PublicKey, statements: Sequence[Statement]) -> list[bytes]:
    return [signed_bundle(statement, private, public) for statement in statements]
