"""Content digests (OCI image-spec v1.1, descriptor.md, "Digests")."""

from __future__ import annotations

import hashlib
import re

from pipeline.util.dataclass import dataclass

_PATTERN = re.compile(r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})\Z")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """An algorithm and the lower-case hexadecimal hash, `sha256:…` or `sha512:…`."""

    value: str

    def __post_init__(self) -> None:
        if not _PATTERN.match(self.value):
            raise ValueError(
                f"not a digest: {self.value[:100]!r} (expected sha256: and 64 hexadecimal digits)"
            )

    @classmethod
    def of(cls, content: bytes) -> Digest:
        """The sha256 digest of some bytes."""
        return cls("sha256:" + hashlib.sha256(content).hexdigest())

    @property
    def algorithm(self) -> str:
        """`sha256` or `sha512`."""
        return self.value.partition(":")[0]

    @property
    def hex(self) -> str:
        """The hash without its algorithm."""
        return self.value.partition(":")[2]

    @property
    def short(self) -> str:
        """The first twelve digits."""
        return self.hex[:12]

    def __str__(self) -> str:
        return self.value
