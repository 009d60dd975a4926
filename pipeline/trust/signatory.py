"""Who is to have signed what is verified: a key, or an identity that a certificate names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pipeline.model import Digest

from .statement import Statement


class Signatory(Protocol):
    """Tells its own bundles from others."""

    @property
    def origin(self) -> str:
        """Its name in messages: a key's file, or an identity."""

    @property
    def fingerprint(self) -> Digest:
        """The same for the same key or identity, and for no other."""

    @property
    def remedy(self) -> str:
        """What to do about an image that it did not sign."""

    def statement(self, raw: bytes, digest: Digest) -> Statement | str:
        """The statement about a digest in a bundle that it signed, or why there is none."""


class StatementSigner(Protocol):
    """Signs images in the place of the key pair."""

    @property
    def signatory(self) -> Signatory:
        """Whose signatures they are."""

    async def sign(self, statements: Sequence[Statement]) -> list[bytes]:
        """A bundle of each statement, in the order given, each verified. Raises UsageError, EnvironmentProblem."""
