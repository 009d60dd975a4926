"""What serves modules on the lab's engine in place of parts of Dagger's SDK: spans, type hints, requests."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import typing
from collections.abc import Awaitable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import anyio
import dagger
import graphql
import pytest
from dagger.client import _core
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pipeline.lab.engine import python_sdk

FILES = Path(python_sdk.__file__).with_name("files")
_TRACE, _PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
_SPANS = """
import json
from lockage_module import telemetry
from opentelemetry import propagate
telemetry.initialize()
headers = {}
try:
    with telemetry.get_tracer().start_as_current_span("outer", attributes={"text": "ü", "yes": True, "low": -2}):
        with telemetry.get_tracer().start_as_current_span("inner"):
            propagate.inject(headers)
            raise ValueError("wrong")
except ValueError:
    pass
telemetry.shutdown()
print(json.dumps(headers))
"""


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module of the runtime by its name."""
    monkeypatch.syspath_prepend(str(FILES))

    def load(name: str) -> ModuleType:
        return importlib.import_module(f"lockage_module.{name}")

    yield load
    for name in [name for name in sys.modules if name.startswith("lockage_module")]:
        del sys.modules[name]


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """An address that takes spans, and what it was sent."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/x-protobuf"
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", bodies
        server.shutdown()
        thread.join()


def test_spans_are_sent_when_they_start_and_when_they_end(collector: tuple[str, list[bytes]]) -> None:
    address, bodies = collector
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(FILES),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TRACEPARENT": f"00-{_TRACE}-{_PARENT}-01",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": address,
        "OTEL_SERVICE_NAME": "service",
    }
    command = [sys.executable, "-c", _SPANS]
    headers = json.loads(subprocess.run(command, env=environ, capture_output=True, check=True).stdout)
    requests = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    resources = [one for request in requests for one in request.resource_spans]
    attributes = [one for resource in resources for one in resource.resource.attributes]
    assert [(one.key, one.value.string_value) for one in attributes] == [("service.name", "service")] * 4
    spans = [one for resource in resources for scope in resource.scope_spans for one in scope.spans]
    assert [(span.name, bool(span.end_time_unix_nano)) for span in spans] == [
        *(("outer", False), ("inner", False)),
        *(("inner", True), ("outer", True)),
    ]
    started, inner, outer = spans[0], spans[2], spans[3]
    assert {span.trace_id.hex() for span in spans} == {_TRACE}
    assert outer.parent_span_id.hex() == _PARENT and inner.parent_span_id == outer.span_id == started.span_id
    assert headers["traceparent"] == f"00-{_TRACE}-{inner.span_id.hex()}-01"
    found = {one.key: one.value for one in outer.attributes}
    assert (found["text"].string_value, found["yes"].bool_value, found["low"].int_value) == ("ü", True, -2)
    assert inner.status.code == outer.status.code == 2 and inner.status.message == "ValueError: wrong"
    recorded = {one.key: one.value.string_value for one in inner.events[0].attributes}
    assert recorded["exception.message"] == "wrong" and "Traceback" in recorded["exception.stacktrace"]
    assert outer.start_time_unix_nano == started.start_time_unix_nano <= outer.end_time_unix_nano


class Thing: ...


_OPTIONAL = typing.Optional[str]  # noqa: UP045  (of another class than `str | None`)


@pytest.mark.parametrize(
    "hint",
    [
        *(None, type(None), str, Any, object, Thing, list[str], list[str | None], dict[str, int]),
        *(str | None, Thing | None, list[str] | None, int | str, int | str | None, _OPTIONAL),
    ],
    ids=str,
)
def test_type_hints_are_as_beartype_has_them(hint: Any, runtime: Any) -> None:
    from beartype import door

    own, real = runtime("type_hints").TypeHint(hint), door.TypeHint(hint)
    union = isinstance(real, door.UnionTypeHint)
    assert isinstance(own, runtime("type_hints").UnionTypeHint) == union
    assert own.hint == real.hint and own.is_bearable(None) == real.is_bearable(None)
    if union:
        assert (runtime("type_hints").TypeHint(None) in own) == (door.TypeHint(None) in real)
        assert set(own.args) == set(real.args)
    elif hint is not None:
        assert own.args == real.args and len(own) == len(real)


class Engine:
    """Answers requests as an engine would whose ids are the calls that make an object; counts them."""

    def __init__(self) -> None:
        self.requests: list[list[str]] = []  # the ids that each asked for, or the names of values
        self.session = self

    async def get_schema(self) -> graphql.GraphQLSchema:
        return _SCHEMA

    async def execute(self, request: Any) -> Any:
        asked: list[str] = []

        def resolve(calls: str | None, info: graphql.GraphQLResolveInfo, **arguments: Any) -> Any:
            if info.field_name == "inputArgs":
                return ["targets", "platforms"]
            if info.parent_type.name.startswith("FunctionCall") or info.field_name == "id":
                asked.append(str(calls))
                return f"{calls}" if info.field_name == "id" else f"{info.field_name} of {calls}"
            if info.field_name == "node":
                return arguments["id"]
            return f"{calls or ''}.{info.field_name}({json.dumps(arguments)})"

        done = graphql.execute(
            _SCHEMA, request.document, field_resolver=resolve, type_resolver=lambda *_: "Module"
        )
        assert not isinstance(done, Awaitable) and not done.errors, done
        self.requests.append(asked)
        return done.data

    @property
    def client(self) -> dagger.Client:
        return dagger.Client(_core.Context(typing.cast(Any, self)))


_SCHEMA = graphql.build_schema("""
interface Node { id: ID! }
type Query { node(id: ID!): Node  module: Module!  typeDef: TypeDef!  currentFunctionCall: FunctionCall!
             function(name: String!, returnType: ID!): Function! }
type Module implements Node { id: ID!  withObject(object: ID!): Module! }
type TypeDef { id: ID!  withKind(kind: Kind!): TypeDef!  withListOf(elementType: ID!): TypeDef!
               withObject(name: String!): TypeDef!  withFunction(function: ID!): TypeDef! }
type Function { id: ID!  withArg(name: String!, typeDef: ID!): Function! }
type FunctionCall { name: String!  parentName: String!  parent: String!  inputArgs: [FunctionCallArg!]! }
type FunctionCallArg { name: String!  value: String! }
enum Kind { STRING_KIND INTEGER_KIND }
""")


def _module(client: dagger.Client) -> dagger.Module:
    def text() -> dagger.TypeDef:
        return client.type_def().with_kind(dagger.TypeDefKind.STRING_KIND)

    def function(name: str) -> dagger.Function:
        made = client.function(name, text())
        return made.with_arg("one", text()).with_arg("several", client.type_def().with_list_of(text()))

    thing = client.type_def().with_object("Thing")
    return client.module().with_object(thing.with_function(function("a")).with_function(function("b")))


def test_types_are_registered_by_a_request_for_each_level(
    runtime: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_by_one, at_once = Engine(), Engine()
    expected = anyio.run(_module(one_by_one.client).id)
    monkeypatch.setattr(dagger.Module, "id", dagger.Module.id)  # restored afterwards
    runtime("registration").register_at_once(dagger.Module)
    assert anyio.run(_module(at_once.client).id) == expected
    assert [len(request) for request in at_once.requests] == [1, 1, 2, 1, 1]
    assert sum(map(len, at_once.requests)) < len(one_by_one.requests)


def test_a_call_is_fetched_at_once(runtime: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine()
    monkeypatch.setattr(dagger.Client, "current_function_call", dagger.Client.current_function_call)
    runtime("queries").fetch_at_once(dagger.Client, dagger.FunctionCall)

    async def values() -> list[str]:
        client = engine.client
        call = client.current_function_call()
        found = [await call.name(), await client.current_function_call().parent_name(), await call.parent()]
        for one in await call.input_args():
            found += [await one.name(), await one.value()]
        return found

    call = ".currentFunctionCall({})"
    assert anyio.run(values) == [
        *(f"{name} of {call}" for name in ("name", "parentName", "parent")),
        *(f"{part} of {name}" for name in ("targets", "platforms") for part in ("name", "value")),
    ]
    assert len(engine.requests) == 1


def test_the_id_of_what_was_loaded_by_its_id_is_known(runtime: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine()
    monkeypatch.setattr(_core.Context, "execute", _core.Context.execute)
    runtime("queries").know_ids(_core.Context)
    loaded = dagger.Module(engine.client._ctx.select_id("Module", "an id"))
    assert anyio.run(loaded.id) == "an id" and not engine.requests
    assert anyio.run(loaded.with_object(engine.client.type_def()).id).startswith("an id.withObject(")
    assert len(engine.requests) == 2
