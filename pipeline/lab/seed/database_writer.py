"""The programs that make a scanner's database of advisories: trivy's and grype's take the same file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact

from .. import process
from ..settings import LabSettings, StepCallback
from ..tools import recipes, toolbox
from .advisories import AdvisoryList, read


@dataclass(frozen=True, slots=True)
class DatabaseWriter:
    """A tool of the lab and its program; `database` is what it makes."""

    tool: str
    program: str
    database: str

    def inputs(self, recipe: int, advisories: Path) -> dict[str, object]:
        """Everything that determines the artifact; the key is a hash over it."""
        return {
            "recipe": recipe,
            "writer": recipes.key(recipes.tool(self.tool)),
            "advisories": hashlib.sha256(advisories.read_bytes()).hexdigest(),
        }

    async def write(
        self, folder: Path, advisories: Path, settings: LabSettings, report: StepCallback
    ) -> AdvisoryList:
        """Write the database into a folder; returns what was read.

        Raises `ConfigError` for faults in the advisories and `EnvironmentProblem` if the program fails.
        """
        known = read(advisories)
        program = await toolbox.ensure(self.tool, settings, report) / self.program
        report(f"seed {self.database}", f"{len(known.advisories)} advisories from {advisories.name}")
        source = folder / "advisories.json"
        source.write_bytes(compact(known.to_writer()))
        argv = [str(program), str(source), str(folder)]
        await process.run(
            argv, environ=settings.child_environ("local"), purpose=f"writing the {self.database}"
        )
        return known
