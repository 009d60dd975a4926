"""Limits of bundles and statements, whoever wrote them; those of counts are cosign's. docs/limits.md lists them."""

from __future__ import annotations

from pipeline.util.sizes import KIB, MIB

BUNDLE_BYTES = 64 * MIB
"""One bundle, decompressed."""
BUNDLE_SIGNATURES = 1
"""Signatures in one bundle; DSSE alone would allow more."""
BUNDLE_LOG_ENTRIES = 32
"""Entries of transparency logs in one bundle."""
STATEMENT_SUBJECTS = 1_024
SUBJECT_DIGESTS = 32
"""Digests of one subject."""
ENVELOPE_BYTES = 16 * KIB
"""One signed statement about what the repository of builds remembers."""
PAYLOAD_BYTES = 16 * KIB
"""What one signature under a tag signs."""
KEY_BYTES = 64 * KIB
"""One public key in PEM."""
