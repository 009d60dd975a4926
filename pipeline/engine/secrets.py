"""Secrets of a caller, read only where this program itself needs their content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import UsageError

if TYPE_CHECKING:
    import dagger


async def plaintext(secret: dagger.Secret, name: str) -> str:
    """The content of a secret. Raises UsageError when its provider fails."""
    import dagger

    try:
        return await secret.plaintext()
    except dagger.QueryError:  # its text may quote the secret's address
        raise UsageError(
            f"the secret {name} cannot be read",
            hint='eval "$(lockage env)" in this shell, or pass it as file://PATH or env://NAME',
        ) from None
