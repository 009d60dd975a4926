"""Limits of what registries and their token services may send; docs/limits.md lists them. Times are in seconds."""

from __future__ import annotations

from pipeline.util.sizes import KIB, MIB

RESPONSE_BYTES = 4 * MIB
"""A response that is held in memory: a manifest, a page of a list."""
TOKEN_RESPONSE_BYTES = MIB
TOKEN_CHARACTERS = 64 * KIB
ERROR_BYTES = 64 * KIB
"""What is read of an error response."""
BLOB_BYTES = 64 * MIB
"""A blob that is held in memory."""

HEADER_BYTES = 8190
"""One line of a response's header."""
HEADERS = 128
REDIRECTS = 5

PAGES = 1_000
"""Pages of one list."""
LIST_BYTES = 64 * MIB
"""All pages of one list, and all referrers of an image and of what is attached to it."""
TAGS = 1_000_000
"""Tags of a repository."""
REPOSITORIES = 100_000
"""Repositories of a registry."""
REFERRERS = 20_000
"""Referrers of an image and of what is attached to it."""

TITLE_CHARACTERS = 4_096
"""The name of a file of an artifact, with its folders."""
TITLE_DEPTH = 256
"""Its parts."""

CACHED_MANIFESTS = 4_096
CACHED_BYTES = 32 * MIB
"""The cached manifests together."""

RATE = 4 * KIB
"""The slowest connection: bytes in a second, over `RATE_SECONDS` of waiting for the peer."""
RATE_SECONDS = 60
HEADER_SECONDS = 120
"""From the end of a request to the end of the response's header."""
SILENCE_SECONDS = 60
RETRY_AFTER_SECONDS = 180
"""The longest Retry-After to wait for."""
RETRY_AFTER_TOTAL_SECONDS = 3_600
"""All that one registry may ask for by Retry-After in a run."""
RESUMED_BYTES = MIB
"""What a connection must bring before it breaks, or it counts as an attempt without progress."""
