"""Blobs: read while verified, written whole or in chunks, mounted (distribution-spec v1.1)."""
