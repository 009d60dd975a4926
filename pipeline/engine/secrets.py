"""What a caller keeps secret, read only where this program itself needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import UsageError

if TYPE_CHECKING:
    import dagger


async def plaintext(secret: dagger.Secret, name: str) -> str:
    """The content of a secret; raises UsageError when its provider does not give it."""
    import dagger

    try:
        return await secret.plaintext()
    except dagger.QueryError:  # whose text may quote the address
        raise UsageError(
            f"the secret {name} cannot be read",
            hint='eval "$(lockage env)" in this shell, or pass it as file://PATH or env://NAME',
        ) from None
