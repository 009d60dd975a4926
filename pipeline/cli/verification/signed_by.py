"""How a signer and what a signature is for are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.trust import Claims, Signatory


def named(signatory: Signatory) -> dict[str, str]:
    """The signer as data: `key` or `identity`."""
    from pipeline.trust import PublicKey

    return {"key" if isinstance(signatory, PublicKey) else "identity": signatory.origin}


def signed_by(signatory: Signatory) -> str:
    """The signer in a line."""
    (kind, name), *_ = named(signatory).items()
    return f"signed {'with' if kind == 'key' else 'by'} {name}"


def claimed(claims: Claims) -> str:
    """What a signature is for."""
    tag = f":{claims.tag}" if claims.tag else ""
    platform = "" if claims.platform.startswith("unknown/") else f", {claims.platform}"
    return f"for {claims.image}{tag}{platform}, commit {claims.commit}"
