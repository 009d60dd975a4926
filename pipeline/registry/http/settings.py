"""Limits, timeouts and concurrency of the registry client."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Limits of the registry client. Times are seconds, sizes are bytes."""

    per_host: int = 8
    """Requests in flight to one host, for reading and for writing each."""
    attempts: int = 6
    """Attempts of one request, the first included."""
    connect_attempts: int = 4
    """Attempts while the host cannot be reached, fewer so that a registry that is down is reported soon."""
    backoff: float = 0.2
    """The first delay; each next one is twice as long, with jitter."""
    backoff_max: float = 20.0
    max_retry_after: float = 180.0
    """The longest Retry-After to wait for; a longer one fails the request."""
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    """Silence on an open connection."""
    blob_bytes: int = 64 * MIB
    """The largest blob that `blob()` holds in memory."""
    chunk_bytes: int = 256 * MIB
    """A larger blob is uploaded in chunks of this size, so that a failure costs one chunk."""
    small_file_bytes: int = MIB
    """A file up to this size is read in one step."""
    read_bytes: int = MIB // 4
    """The size of one read from a file or a connection."""
    max_redirects: int = 5
    max_pages: int = 1000
    page_size: int = 1000
