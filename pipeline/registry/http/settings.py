"""Limits, timeouts and concurrency of the registry client."""

from __future__ import annotations

from pipeline.util.dataclass import dataclass
from pipeline.util.sizes import MIB

from .. import limits


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Limits of the registry client. Times are seconds, sizes are bytes."""

    per_host: int = 8
    """Requests in flight to one host, for reading and for writing each."""
    attempts: int = 6
    """Attempts of one request, the first included."""
    connect_attempts: int = 4
    """Attempts while the host cannot be reached, fewer so that a registry that is down is reported soon."""
    slow_attempts: int = 3
    """Attempts while the peer is too slow, each of which takes minutes."""
    backoff: float = 0.2
    """The first delay; each next one is twice as long, with jitter."""
    backoff_max: float = 20.0
    max_retry_after: float = limits.RETRY_AFTER_SECONDS
    """The longest Retry-After to wait for; a longer one fails the request."""
    max_retry_after_total: float = limits.RETRY_AFTER_TOTAL_SECONDS
    """All waiting that one host may ask for; beyond it the request fails."""
    connect_timeout: float = 10.0
    read_timeout: float = limits.SILENCE_SECONDS
    """Silence on an open connection."""
    header_timeout: float = limits.HEADER_SECONDS
    """From the end of a request to the end of the response's header."""
    min_rate: float = limits.RATE
    """Bytes in a second that a connection must bring or take, on average over `rate_window` of waiting for it."""
    rate_window: float = limits.RATE_SECONDS
    resumed_bytes: int = limits.RESUMED_BYTES
    """What a download must bring before it breaks, or it counts as an attempt without progress."""
    blob_bytes: int = limits.BLOB_BYTES
    """The largest blob that `blob()` holds in memory."""
    chunk_bytes: int = 256 * MIB
    """A larger blob is uploaded in chunks of this size, so that a failure costs one chunk."""
    small_file_bytes: int = MIB
    """A file up to this size is read in one step."""
    read_bytes: int = MIB // 4
    """The size of one read from a file or a connection."""
    max_redirects: int = limits.REDIRECTS
    max_pages: int = limits.PAGES
    list_bytes: int = limits.LIST_BYTES
    page_size: int = 1000
