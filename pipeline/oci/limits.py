"""Limits of images, layouts and layers, whoever wrote them; docs/limits.md lists them."""

from __future__ import annotations

from pipeline.util.sizes import GIB, MIB, TIB

TREE_DEPTH = 4
"""Indexes within indexes below the one that is named."""
TREE_WIDTH = 5_000
"""Entries of one index of an image."""
TREE_MANIFESTS = 20_000
"""Manifests of an image with its referrers."""
TREE_MANIFEST_BYTES = 64 * MIB
"""All manifests of an image with its referrers."""
TREE_BLOBS = 50_000
"""Configs and layers of an image, or of one of its referrers."""
TREE_CONTENT_BYTES = TIB
"""All configs and layers of an image, by the sizes that its manifests state."""

CONFIG_BYTES = 16 * MIB
"""The configuration of an image."""

LAYOUT_INDEX_BYTES = 16 * MIB
"""`index.json` of an OCI image layout."""

LAYER_BYTES = 64 * GIB
"""One layer, decompressed."""
LAYER_RATIO = 256
"""How many times its own size a layer may have when decompressed, beyond `LAYER_RATIO_FREE_BYTES`."""
LAYER_RATIO_FREE_BYTES = GIB
LAYER_HEADER_BYTES = MIB
"""The extended headers of one entry of a layer: PAX records and GNU long names."""
LAYER_PATH_BYTES = 4096
"""A path in a layer, or the target of a link; Linux's PATH_MAX."""
LAYER_PATH_DEPTH = 256
"""Folders in a path."""

COMPARED_LAYERS = 1_000
"""Layers of one image that is compared."""
COMPARED_ENTRIES = 2_000_000
"""Entries in all layers that one comparison reads, extended headers included."""
COMPARED_NAME_BYTES = 256 * MIB
"""Paths, link targets and extended attributes in all layers that one comparison reads."""
COMPARED_DIFFERENCES = 4_000_000
