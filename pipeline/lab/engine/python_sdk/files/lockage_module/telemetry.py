"""Spans of a module, in place of `dagger.telemetry`: OpenTelemetry's API without its SDK and exporters.

Importing and starting those takes a third of a call's start. A span is sent to the engine when it starts and again
when it ends, as OTLP over HTTP (opentelemetry-proto 1.x, trace.proto). Spans of the API's own tracers are not sent.
"""

import http.client
import logging
import os
import secrets
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from opentelemetry import context, propagate, trace
from opentelemetry.trace import StatusCode

_SCOPE = "dagger.io/sdk.python"
_LIMIT = 10.0  # seconds for one request
_INTERNAL = 1  # SpanKind
_BYTES, _VARINT, _FIXED64, _FIXED32 = 2, 0, 1, 5  # wire types

_state = {"initialized": False, "sender": None}


def initialize(*, debug=False):
    """Continue the engine's trace, and print warnings with their level and logger."""
    if _state["initialized"]:
        return
    _state["initialized"] = True
    if parent := os.environ.get("TRACEPARENT"):
        context.attach(propagate.extract({"traceparent": parent}))
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s [%(name)s]: %(message)s")


def get_tracer():
    """What starts spans."""
    initialize()
    return Tracer()


def shutdown():
    """Wait until all spans have been sent."""
    if _state["sender"]:
        _state["sender"].shutdown()
        _state["sender"] = None


def otel_configured():
    """Whether there is any configuration of OpenTelemetry."""
    return any(name.startswith("OTEL_") for name in os.environ)


def otel_enabled():
    """Whether telemetry is not disabled."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() != "true"


class Tracer(trace.Tracer):
    """Starts spans that are sent to the engine."""

    def start_span(self, name, context=None, kind=None, attributes=None, *_, **__):
        """A span that somebody has to end."""
        return Span(name, trace.get_current_span(context).get_span_context(), attributes or {})

    @contextmanager
    def start_as_current_span(
        self, name, context=None, kind=None, attributes=None, *_, end_on_exit=True, **options
    ):
        """A span around what is done meanwhile, and the parent of what the engine does for it."""
        handled = {
            key: options[key] for key in ("record_exception", "set_status_on_exception") if key in options
        }
        span = self.start_span(name, context, kind, attributes)
        with trace.use_span(span, end_on_exit=end_on_exit, **handled):
            yield span


class Span(trace.Span):
    """A span of the trace that its parent is in."""

    def __init__(self, name, parent, attributes):
        self._name, self._parent = name, parent
        self._attributes, self._events, self._status = dict(attributes), [], (StatusCode.UNSET, "")
        trace_id = parent.trace_id or int.from_bytes(secrets.token_bytes(16))
        own_id = int.from_bytes(secrets.token_bytes(8)) or 1
        flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
        self._context = trace.SpanContext(trace_id, own_id, is_remote=False, trace_flags=flags)
        self._start, self._end = time.time_ns(), 0
        _send(request(self))

    def end(self, end_time=None):
        if not self._end:
            self._end = end_time or time.time_ns()
            _send(request(self))

    def get_span_context(self):
        return self._context

    def is_recording(self):
        return not self._end

    def set_attribute(self, key, value):
        self._attributes[key] = value

    def set_attributes(self, attributes):
        self._attributes.update(attributes)

    def update_name(self, name):
        self._name = name

    def set_status(self, status, description=None):
        if isinstance(status, trace.Status):
            self._status = (status.status_code, status.description or "")
        else:
            self._status = (status, description or "")

    def add_event(self, name, attributes=None, timestamp=None):
        self._events.append((name, timestamp or time.time_ns(), dict(attributes or {})))

    def record_exception(self, exception, attributes=None, timestamp=None, escaped=False):
        kind = type(exception)
        found = {
            "exception.type": f"{kind.__module__}.{kind.__qualname__}",
            "exception.message": str(exception),
            "exception.stacktrace": "".join(traceback.format_exception(exception)),
        }
        self.add_event("exception", {**found, **(attributes or {})}, timestamp)


def request(span):
    """An ExportTraceServiceRequest with one span, as it is now."""
    own = span.get_span_context()
    code, message = span._status
    content = _field(1, own.trace_id.to_bytes(16)) + _field(2, own.span_id.to_bytes(8))
    if span._parent.is_valid:
        content += _field(4, span._parent.span_id.to_bytes(8))
    content += _field(5, span._name) + _number(6, _INTERNAL) + _fixed(7, span._start)
    if span._end:
        content += _fixed(8, span._end)
    content += b"".join(_field(9, _pair(*pair)) for pair in span._attributes.items())
    for name, when, attributes in span._events:
        pairs = b"".join(_field(3, _pair(*pair)) for pair in attributes.items())
        content += _field(11, _fixed(1, when) + _field(2, name) + pairs)
    content += _field(15, (_field(2, message) if message else b"") + _number(3, code.value))
    content += _key(16, _FIXED32) + int(own.trace_flags).to_bytes(4, "little")
    resource = _field(1, _pair("service.name", os.environ.get("OTEL_SERVICE_NAME", "dagger-python-sdk")))
    scope = _field(1, _field(1, _SCOPE)) + _field(2, content)
    return _field(1, _field(1, resource) + _field(2, scope))


def _pair(key, value):
    """A KeyValue; other values than text, numbers and truth values as text."""
    if isinstance(value, bool):
        encoded = _number(2, int(value))
    elif isinstance(value, int):
        encoded = _number(3, value % (1 << 64))
    else:
        encoded = _field(1, value if isinstance(value, str) else str(value))
    return _field(1, key) + _field(2, encoded)


def _key(number, kind):
    return _varint(number << 3 | kind)


def _field(number, content):
    raw = content.encode(errors="replace") if isinstance(content, str) else content
    return _key(number, _BYTES) + _varint(len(raw)) + raw


def _number(number, value):
    return _key(number, _VARINT) + _varint(value)


def _fixed(number, value):
    return _key(number, _FIXED64) + value.to_bytes(8, "little")


def _varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _send(body):
    """Send in the background, one after the other; telemetry that cannot be sent is lost."""
    address = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if address and otel_enabled():
        if _state["sender"] is None:
            _state["sender"] = ThreadPoolExecutor(1)
        _state["sender"].submit(_post, address, body)


def _post(address, body):
    parts = urlsplit(address)
    with suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_LIMIT)
        try:
            connection.request("POST", parts.path, body, {"Content-Type": "application/x-protobuf"})
            connection.getresponse().read()
        finally:
            connection.close()
