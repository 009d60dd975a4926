"""What check-jsonschema says of files, by the schemas of GitHub and GitLab that it bears."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path

from check_jsonschema.cli import main


def judged(schema: str, *files: Path) -> tuple[int, str]:
    """Its exit code and what it prints. In this process: its own takes two seconds to start."""
    out = io.StringIO()
    with redirect_stdout(out):
        code = main(["--builtin-schema", f"vendor.{schema}", *map(str, files)], standalone_mode=False)
    return int(code), out.getvalue()
