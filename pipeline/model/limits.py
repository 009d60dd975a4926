"""Limits of manifests and descriptors, whoever wrote them; docs/limits.md lists them."""

from __future__ import annotations

from pipeline.util.sizes import EIB, MIB

MANIFEST_BYTES = 4 * MIB
"""One manifest or index, as most registries limit it."""
MANIFEST_ENTRIES = 20_000
"""Layers of a manifest, or entries of an index."""
DESCRIPTOR_BYTES = EIB
"""The size that a descriptor may state."""
MEDIA_TYPE_CHARACTERS = 255
PLATFORM_CHARACTERS = 255
JSON_DEPTH = 40
