"""One call of a module, from a start of Python.

Each call starts it anew, so it leaves out what a call does not need: argument checks, OpenTelemetry's SDK, the
provisioning of engines, a query for the schema of the API, a converter for each field of each query, most
collections of garbage.

Nothing is installed, so an edit takes effect at once. The main object is named in pyproject.toml:
[project.entry-points."dagger.mod"] main_object = "package.module:Class".
"""

import gc
import json
import os
import ssl
import sys
import tomllib
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from pathlib import Path

_SCHEMA = Path("/run/module/schema.json")


def serve(*, register):
    """Answer the call that the engine has for this container, or register the module's types; gives an exit code."""
    gc.set_threshold(100_000)  # what is imported stays
    source = Path(os.environ["LOCKAGE_MODULE_SOURCE"])
    sys.path[:1] = [str(folder) for folder in (source / "src", source) if folder.is_dir()]
    main_object = _main_object(source)
    os.environ["DAGGER_MAIN_OBJECT"] = main_object.rpartition(":")[2]  # read by the SDK when it is imported
    cli = _sdk(register)
    cli.get_entry_point = lambda: EntryPoint("main_object", main_object, "dagger.mod")
    return cli.app(None, register)


def _main_object(source):
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    main_object = project.get("entry-points", {}).get("dagger.mod", {}).get("main_object")
    if not main_object:
        sys.exit(f'{source}/pyproject.toml: no [project.entry-points."dagger.mod"] with a main_object')
    return main_object


def _sdk(register):
    """The part of the SDK that serves modules, with what stands in for the rest."""
    from . import telemetry, type_hints

    with _instead(
        {
            # It would check the arguments of each method of the API, as the engine does; a user's import is a real one.
            **type_hints.modules(),
            # Neither engines are provisioned here nor is httpx a command; both packages do without.
            "dagger.provisioning": None,
            "httpx._main": None,
        }
    ):
        sys.modules["dagger.telemetry"] = telemetry
        import dagger

        dagger.telemetry = telemetry
        from dagger.client import _core, _session
        from dagger.mod import cli
        from gql import Client
        from gql.utilities import build_client_schema

    from . import queries, registration

    schema = build_client_schema(json.loads(_SCHEMA.read_bytes()))
    _session.GraphQLClient = lambda **options: Client(
        **{**options, "schema": schema, "fetch_schema_from_transport": False}
    )
    # The session is plain HTTP on loopback: no certificates are read, and none is trusted.
    transport = _session.TelemetryTransport
    _session.TelemetryTransport = lambda: transport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    _core.make_converter = _converter(_core.make_converter)
    queries.know_ids(_core.Context)
    if register:
        registration.register_at_once(dagger.Module)
    else:
        queries.fetch_at_once(dagger.Client, dagger.FunctionCall)
    return cli


@contextmanager
def _instead(modules):
    """These in place of the modules of their names; None cannot be imported."""
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            sys.modules.pop(name, None)


def _converter(make):
    """The SDK's converter, created again only for results that need to know their query: lists of objects."""
    shared = make(None)

    class Converter:
        def __init__(self, context):
            self.context = context

        def unstructure(self, value):
            return shared.unstructure(value)

        def structure(self, value, kind):
            plain = isinstance(value, (str, int, float)) or value is None
            return (shared if plain else make(self.context)).structure(value, kind)

    return Converter
