"""Signatures by an identity: short-lived certificates of Fulcio, timestamps and entries of Rekor.

The `sigstore` library makes and verifies them. It is imported when it is needed: it costs a third of a second.
"""

from .identity import IdentitySignatory
from .services import Services, read_services
from .sign import KeylessSigner

__all__ = ["IdentitySignatory", "KeylessSigner", "Services", "read_services"]
