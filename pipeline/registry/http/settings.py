"""How patient, how parallel and how trusting the client is."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Limits of the registry client. Times are seconds, sizes are bytes."""

    per_host: int = 8
    """Requests in flight to one host, for reading and for writing each."""
    attempts: int = 6
    """Tries of one request, the first included."""
    connect_attempts: int = 4
    """Tries while nothing answers at all: a registry that is down should be said soon."""
    backoff: float = 0.2
    """The first pause; each next one is twice as long, with jitter."""
    backoff_max: float = 20.0
    patience: float = 180.0
    """The longest Retry-After that is waited for; a longer one is an error that says so."""
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    """Silence on an open connection."""
    blob_bytes: int = 64 * MIB
    """The largest blob that `blob()` holds in memory."""
    chunk_bytes: int = 256 * MIB
    """A larger upload goes in chunks of this size, so that a fault costs one chunk."""
    whole_bytes: int = MIB
    """A file up to this size is read at once."""
    piece_bytes: int = MIB // 4
    """What is read from a file or a connection at a time."""
    max_redirects: int = 5
    max_pages: int = 1000
    page_size: int = 1000
