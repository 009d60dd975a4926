"""Signing with a key that never leaves a key management service: cosign reaches it, by a reference as it takes them."""

from .sign import KmsSigner

__all__ = ["KmsSigner"]
