"""Entry point of a module's container: imports the module where it is mounted and serves one call.

Each call starts it anew, so it leaves out what a call does not need: argument checks, the SDK's provisioning of
engines, a query for the schema of the API, a converter for each field of each query, most collections of garbage.

Nothing is installed, so an edit takes effect at once. The main object is named in pyproject.toml:
[project.entry-points."dagger.mod"] main_object = "package.module:Class".
"""

import gc
import json
import os
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

gc.set_threshold(100_000)  # what is imported stays
source = Path(os.environ["LOCKAGE_MODULE_SOURCE"])
sys.path[:0] = [str(folder) for folder in (source / "src", source) if folder.is_dir()]

project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
main_object = project.get("entry-points", {}).get("dagger.mod", {}).get("main_object")
if not main_object:
    sys.exit(f'{source}/pyproject.toml: no [project.entry-points."dagger.mod"] with a main_object')
os.environ["DAGGER_MAIN_OBJECT"] = main_object.rpartition(":")[2]

import beartype  # noqa: E402

# It would wrap each method of the API while it is imported, which takes most of that second; the engine checks the
# arguments again.
checking, beartype.beartype = beartype.beartype, lambda **_: lambda method: method
# Neither engines are provisioned here nor is httpx a command; both packages do without.
sys.modules["dagger.provisioning"] = sys.modules["httpx._main"] = None
from dagger.client import _core, _session  # noqa: E402
from dagger.mod import cli  # noqa: E402  (reads DAGGER_MAIN_OBJECT when it is imported)
from gql import Client  # noqa: E402
from gql.utilities import build_client_schema  # noqa: E402

beartype.beartype = checking
schema = build_client_schema(json.loads(Path("/run/module/schema.json").read_bytes()))
_session.GraphQLClient = lambda **options: Client(
    **{**options, "schema": schema, "fetch_schema_from_transport": False}
)


class Converter:
    """The SDK's converter, created again only for results that need to know their query: lists of objects."""

    make = staticmethod(_core.make_converter)
    shared = make(None)

    def __init__(self, context):
        self.context = context

    def unstructure(self, value):
        return self.shared.unstructure(value)

    def structure(self, value, kind):
        plain = isinstance(value, (str, int, float)) or value is None
        return (self.shared if plain else self.make(self.context)).structure(value, kind)


_core.make_converter = Converter
cli.get_entry_point = lambda: EntryPoint("main_object", main_object, "dagger.mod")
sys.exit(cli.app(None, "--register" in sys.argv[1:]))
