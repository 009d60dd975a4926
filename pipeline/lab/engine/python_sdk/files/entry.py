"""Entry point of a module's container: imports the module where it is mounted and serves one call.

Nothing is installed, so an edit takes effect at once. The main object is named in pyproject.toml:
[project.entry-points."dagger.mod"] main_object = "package.module:Class".
"""

import os
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

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
from dagger.mod import cli  # noqa: E402  (reads DAGGER_MAIN_OBJECT when it is imported)

beartype.beartype = checking

cli.get_entry_point = lambda: EntryPoint("main_object", main_object, "dagger.mod")
sys.exit(cli.app(None, "--register" in sys.argv[1:]))
