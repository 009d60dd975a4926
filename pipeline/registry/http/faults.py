"""What can go wrong with one request, whether another try may help, and the error when it may not."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pipeline.errors import RegistryError

from .call import Request
from .headers import retry_after, retry_after_in_message

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_USUAL_CODE = {401: "UNAUTHORIZED", 403: "DENIED", 429: "TOOMANYREQUESTS"}  # answers to HEAD have no body
_MESSAGE_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """One failed try. `status` is 0 where no answer came.

    `kind` is `refused` (an answer that says no), `unreachable` (nothing was sent), `broken` (the request may
    have arrived), `invalid` (an answer that cannot be right) or `untrusted` (TLS).
    """

    kind: str
    status: int = 0
    code: str = ""
    message: str = ""
    retry_after: float | None = None

    @property
    def transient(self) -> bool:
        """Whether another try may succeed."""
        if self.kind == "refused":
            return self.status in TRANSIENT and not self.no_space
        return self.kind in ("unreachable", "broken")

    @property
    def no_space(self) -> bool:
        """Whether the registry's disk is full: waiting does not empty it."""
        return self.status == 507 or "no space left" in self.message.lower()

    @property
    def speaks_no_tls(self) -> bool:
        """Whether what answered to the beginning of TLS was something else, such as plain HTTP."""
        return any(text in self.message.lower() for text in ("wrong version number", "record layer failure"))

    @property
    def ambiguous(self) -> bool:
        """Whether the request may have been carried out all the same."""
        return self.kind == "broken" or self.status in (408, 500, 502, 503, 504)


class RequestFailed(RegistryError):
    """The error of one request; `fault` says what was answered, for callers that know a way round."""

    def __init__(self, call: Request, fault: Fault, tries: int = 1, waited: float | None = None) -> None:
        self.call, self.fault = call, fault
        times = f" after {tries} tries" if tries > 1 else ""
        super().__init__(
            _sentence(call, fault, times), hint=_hint(call, fault, waited), detail=fault.message or None
        )

    def to_json(self) -> dict[str, object]:
        """As `LockageError.to_json`, with host, operation, subject, and where known status and code."""
        out = super().to_json() | {
            "host": self.call.host,
            "operation": self.call.doing,
            "subject": self.call.subject,
        }
        if self.fault.status:
            out["status"] = self.fault.status
        if self.fault.code:
            out["code"] = self.fault.code
        return out


def refusal(status: int, retry_header: str | None, body: bytes, now: float) -> Fault:
    """Read an answer that was not hoped for (distribution-spec v1.1, "Error Codes")."""
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
    wait = retry_after(retry_header, now)
    if wait is None and status in TRANSIENT:
        wait = retry_after_in_message(message)
    code = _printable(code)[:64] or _USUAL_CODE.get(status, "")
    return Fault("refused", status, code, _printable(message)[:_MESSAGE_LENGTH], wait)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _sentence(call: Request, fault: Fault, times: str) -> str:
    if fault.kind == "unreachable":
        return f"cannot reach {call.host}{times} ({call.doing} {call.subject})"
    if fault.kind == "untrusted" and fault.speaks_no_tls:
        return f"{call.host} does not speak TLS ({call.doing} {call.subject})"
    if fault.kind == "untrusted":
        return f"the TLS certificate of {call.host} is not trusted ({call.doing} {call.subject})"
    if fault.kind == "broken":
        return f"{call.host} broke off while {call.doing} {call.subject}{times}"
    if fault.kind == "invalid":
        return f"{call.host} gave an answer that cannot be right while {call.doing} {call.subject}"
    code = f" {fault.code}" if fault.code else ""
    return f"{call.host} refused {call.doing} {call.subject}{times}: {fault.status}{code}"


def _hint(call: Request, fault: Fault, waited: float | None) -> str | None:
    if fault.kind == "unreachable":
        local = call.host.startswith(("localhost", "127.0.0.1", "[::1]"))
        return "lockage up, or check the address" if local else "check the address, the network and the proxy"
    if fault.kind == "untrusted" and fault.speaks_no_tls:
        return f"if it is meant to be read and written in the clear: LOCKAGE_PLAIN_HTTP={call.host}"
    if fault.kind == "untrusted":
        return f"name the authority that signed it: LOCKAGE_CA_FILE={call.host}=/path/to/ca.pem"
    if fault.kind == "invalid":
        return "the registry or a proxy before it is faulty; ask its operator"
    if fault.status == 401:
        return f"log in: docker login {call.host}, or check that the credentials are still valid"
    if "exceed the configured upper limit" in fault.message:
        return "the project's quota is used up: raise it, or delete what is not needed"
    if fault.status == 412:
        return (
            "the registry protects it (an immutable tag, or an image it holds back); see the project's rules"
        )
    if fault.status == 403 or fault.code == "DENIED":
        return f"these credentials may not do this on {call.subject}; check the permissions"
    if fault.status == 404:
        return "check the name; some registries also answer so to those who may not read it"
    if fault.status == 405 or fault.code == "UNSUPPORTED":
        return "the registry does not allow this (read-only, or deletion switched off)"
    if fault.code in ("DIGEST_INVALID", "SIZE_INVALID", "BLOB_UPLOAD_INVALID"):
        return "the content is not the one described; it may have changed while it was read"
    if fault.status == 413:
        return "the registry limits the size of uploads"
    if fault.status == 429:
        more = f" (asked to wait {waited:.0f} s)" if waited else ""
        return f"the registry limits the rate of requests{more}; log in or try again later"
    if fault.no_space:
        return "the registry has no space left; free some and run again"
    if fault.status >= 500:
        return "the registry is in trouble; look at its log and run again, what is there already is kept"
    return None
