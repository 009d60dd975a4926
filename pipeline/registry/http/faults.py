"""Failures of one request: what is transient, and the error for what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Literal

from pipeline.errors import RegistryError
from pipeline.util.dataclass import dataclass

from .headers import retry_after, retry_after_in_message
from .messages import Request
from .redaction import without_users

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_DEFAULT_CODES = {
    401: "UNAUTHORIZED",
    403: "DENIED",
    429: "TOOMANYREQUESTS",
}  # a response to HEAD has no body
MESSAGE_LENGTH = 300
"""Characters of a text by others that are shown."""


FaultKind = Literal["refused", "unreachable", "broken", "slow", "invalid", "untrusted"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One failed attempt. `status` is 0 without a response; `code` is the registry's, empty if it gave none.

    `kind` is `refused` (an error response), `unreachable` (nothing was sent), `broken` (the connection failed, the
    request may have arrived), `slow` (the peer brings or takes too little), `invalid` (a response that violates the
    specification) or `untrusted` (TLS).
    """

    kind: FaultKind
    status: int = 0
    code: str = ""
    message: str = ""
    retry_after: float | None = None
    elsewhere: str = ""
    """The origin that answered, where it is not the registry's own."""

    @property
    def transient(self) -> bool:
        """Whether another attempt may succeed."""
        if self.kind == "refused":
            return self.status in TRANSIENT and not self.no_space
        return self.kind in ("unreachable", "broken", "slow")

    @property
    def unsupported(self) -> bool:
        """Whether the registry may not know this method or address: a refusal that is not about credentials or load."""
        status = self.status
        return status == 501 or (400 <= status < 500 and status not in (401, 408, 425, 429))

    @property
    def no_space(self) -> bool:
        """Whether the registry's disk is full, which no retry changes."""
        return self.status == 507 or "no space left" in self.message.lower()

    @property
    def speaks_no_tls(self) -> bool:
        """Whether the host responded to the TLS handshake with something else, such as plain HTTP."""
        return any(text in self.message.lower() for text in ("wrong version number", "record layer failure"))

    @property
    def ambiguous(self) -> bool:
        """Whether the request may have taken effect."""
        return self.kind in ("broken", "slow") or self.status in (408, 500, 502, 503, 504)


class RequestFailed(RegistryError):
    """The error of one request; `fault` is for callers that have an alternative."""

    def __init__(
        self, request: Request, fault: Fault, attempts: int = 1, retry_after: float | None = None
    ) -> None:
        self.request, self.fault = request, fault
        count = f" after {attempts} attempts" if attempts > 1 else ""
        super().__init__(
            _sentence(request, fault, count),
            hint=_hint(request, fault, retry_after),
            detail=fault.message or None,
            status=fault.status or None,
            code=fault.code or None,
        )

    def to_json(self) -> dict[str, object]:
        """As `LockageError.to_json`, with host, operation, subject, and where known status and code."""
        data = super().to_json() | {
            "host": self.request.host,
            "operation": self.request.operation,
            "subject": self.request.subject,
        }
        if self.fault.status:
            data["status"] = self.fault.status
        if self.fault.code:
            data["code"] = self.fault.code
        return data


def refusal(
    status: int,
    retry_header: str | None,
    body: bytes,
    now: float,
    redact: Callable[[str], str] = without_users,
) -> Fault:
    """Read an error response (distribution-spec v1.1, "Error Codes"); `now` is in seconds since 1970.

    `redact` removes secrets that the response repeats, before it is shortened.
    """
    code, message = "", ""
    try:
        errors = json.loads(body)["errors"]
        first = errors[0] if errors else {}
        code, message = str(first.get("code") or ""), str(first.get("message") or "")
        detail = first.get("detail")
        if isinstance(detail, str) and detail and detail != message:
            message = f"{message}: {detail}" if message else detail
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        message = _printable(body.decode("utf-8", "replace")) if b"<" not in body[:64] else ""
    delay = retry_after(retry_header, now)
    if delay is None and status in TRANSIENT:
        delay = retry_after_in_message(message)
    code, message = redact(code), redact(message)
    code = _printable(code)[:64] or _DEFAULT_CODES.get(status, "")
    return Fault("refused", status, code, _printable(message)[:MESSAGE_LENGTH], delay)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _sentence(request: Request, fault: Fault, attempts: str) -> str:
    if fault.kind == "unreachable":
        return f"cannot reach {request.host}{attempts} ({request.operation} {request.subject})"
    if fault.kind == "untrusted" and fault.speaks_no_tls:
        return f"{request.host} does not speak TLS ({request.operation} {request.subject})"
    if fault.kind == "untrusted":
        return f"the TLS certificate of {request.host} is not trusted ({request.operation} {request.subject})"
    if fault.kind == "broken":
        return f"{request.host} closed the connection while {request.operation} {request.subject}{attempts}"
    if fault.kind == "slow":
        return f"{request.host} is too slow while {request.operation} {request.subject}{attempts}"
    if fault.kind == "invalid":
        return f"{request.host} returned an invalid response while {request.operation} {request.subject}"
    code = f" {fault.code}" if fault.code else ""
    if fault.elsewhere:
        return (
            f"{fault.elsewhere} refused {request.operation} {request.subject}{attempts}: {fault.status}{code} "
            f"({request.host} leads there)"
        )
    return f"{request.host} refused {request.operation} {request.subject}{attempts}: {fault.status}{code}"


def _is_local(host: str) -> bool:
    return host.startswith(("localhost", "127.0.0.1", "[::1]"))


def _hint(request: Request, fault: Fault, seconds: float | None) -> str:
    if fault.kind == "unreachable":
        local = _is_local(request.host)
        return "lockage up, or check the address" if local else "check the address, the network and the proxy"
    if fault.kind == "slow":
        return "check the network and the proxy, or run again when the registry is less busy"
    if fault.kind == "untrusted" and fault.speaks_no_tls:
        return f"if it is meant to be used over plain HTTP: LOCKAGE_PLAIN_HTTP={request.host}"
    if fault.kind == "untrusted":
        return f"name its certificate authority: LOCKAGE_CA_FILE={request.host}=/path/to/ca.pem"
    if fault.kind == "broken":
        return "check the network and the proxy, and run again; completed uploads are kept"
    if fault.kind == "invalid":
        return "the registry or a proxy before it is faulty; ask its operator"
    if fault.elsewhere and fault.status in (401, 403):
        return f"credentials for {request.host} are not sent there; ask the registry's operator"
    if fault.status == 401:
        embedded = "; those of another instance's registry are in its folder, docker/config.json"
        own = embedded if _is_local(request.host) else ""
        return f"log in: docker login {request.host}, or check that the credentials are still valid{own}"
    if "exceed the configured upper limit" in fault.message:
        return "the project's quota is used up: raise it, or delete what is not needed"
    if fault.status == 412:
        return (
            "the registry protects it (an immutable tag, or an image it holds back); see the project's rules"
        )
    if fault.status == 403 or fault.code == "DENIED":
        return f"these credentials may not do this on {request.subject}; check the permissions"
    if fault.status == 404:
        return "check the name; some registries also return this to those who may not read it"
    if fault.status == 405 or fault.code == "UNSUPPORTED":
        return "the registry does not allow this (read-only, or deletion switched off)"
    if fault.code in ("DIGEST_INVALID", "SIZE_INVALID", "BLOB_UPLOAD_INVALID"):
        return "the content does not match its descriptor; it may have changed while it was read"
    if fault.status == 413:
        return "the registry limits the size of uploads"
    if fault.status == 429:
        requested = f" (Retry-After: {seconds:.0f} s)" if seconds else ""
        return f"the registry limits the rate of requests{requested}; log in or try again later"
    if fault.no_space:
        return "the registry has no space left; free some space there and run again"
    if fault.status >= 500:
        return "the registry failed; check its log and run again, completed uploads are kept"
    return "the registry does not follow the distribution specification here; ask its operator"
