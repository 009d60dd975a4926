"""The commands, in the order of the help; each has a file with its options as a frozen value and its function.

A command's module is imported to parse its arguments; it imports other rooms in its function.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from ..command import Command, CommandGroup


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """`lockage NAME`, its line in the help, and the module below this package that has it."""

    name: str
    module: str
    summary: str


ENTRIES = (
    CommandEntry("run", "run.run", "run every stage for every target, up to a promotion"),
    CommandEntry(
        "build", "run.stages", "build targets and push them, by digest, to the repository of builds"
    ),
    CommandEntry("scan", "run.stages", "scan every target for vulnerabilities and secrets, and judge it"),
    CommandEntry(
        "sbom",
        "run.sbom",
        "list the packages of every target; write bills of materials (CycloneDX, SPDX, syft), or check one",
    ),
    CommandEntry("test", "run.stages", "run the structure tests of every target"),
    CommandEntry(
        "push", "run.stages", "push what has passed its gates to the first environment, as an index"
    ),
    CommandEntry("sign", "run.sign", "sign what was pushed, and attest its bill of materials and findings"),
    CommandEntry("manifest", "run.manifest", "merge the platforms that runners pushed into one index"),
    CommandEntry("rebuild", "run.rebuild", "build recorded targets again, and compare the results"),
    CommandEntry("compare", "run.compare", "show in what two images differ, without an engine"),
    CommandEntry("promote", "release.promote", "give a digest the tags of another environment"),
    CommandEntry(
        "release", "release.release", "give a commit's images the tags of a version, everywhere at once"
    ),
    CommandEntry(
        "approve", "release.approve", "sign a saved plan, for an environment that requires approvals"
    ),
    CommandEntry("apply", "release.apply", "do what a saved plan says, if that is what would be done now"),
    CommandEntry("notes", "release.notes", "write the notes of a release, its SBOMs and an install script"),
    CommandEntry(
        "findings", "report.findings", "show what scans found, where and since when, without an engine"
    ),
    CommandEntry("diff", "report.diff", "show what changed between two images, environments or commits"),
    CommandEntry("policy", "policy", "show the gates in force, and try another policy"),
    CommandEntry("report", "report.report", "write the reports of a run from what the registry knows"),
    CommandEntry(
        "rescan", "release.rescan", "scan what an environment holds with today's data; no tag moves"
    ),
    CommandEntry("rollback", "release.rollback", "move the tags of an environment back to where they were"),
    CommandEntry("current", "release.current", "show where each tag of an environment was left"),
    CommandEntry("history", "release.history", "show who moved which tags of an environment, and check them"),
    CommandEntry(
        "retention", "release.retention", "delete what no rule keeps any more; a plan unless --apply"
    ),
    CommandEntry(
        "visibility",
        "release.visibility",
        "compare who may pull from environments with lockage.yml, and change it",
    ),
    CommandEntry("plan", "catalogue.plan", "show what there is to build: targets, bases, tags, keys"),
    CommandEntry("generate", "catalogue.generate", "write Dockerfiles, tests and rootfs to dist/"),
    CommandEntry(
        "lint", "catalogue.lint", "lint every Dockerfile with hadolint, at the lines of the templates"
    ),
    CommandEntry("graph", "catalogue.graph", "print the graph of targets and their bases"),
    CommandEntry("lock", "catalogue.lock", "pin external bases and tools by digest in lockage.lock"),
    CommandEntry("ci", "ci", "write the jobs of GitHub, GitLab or Jenkins, and check them for drift"),
    CommandEntry("schema", "catalogue.schema", "print the JSON Schema of a file, for editors and programs"),
    CommandEntry("init", "catalogue.init", "write a first catalogue that builds as it is"),
    CommandEntry(
        "import", "catalogue.import_dockerfiles", "turn a folder of plain Dockerfiles into a catalogue"
    ),
    CommandEntry(
        "outdated", "catalogue.outdated", "list bases and tools whose tag has moved since it was locked"
    ),
    CommandEntry("verify", "release.verify", "check signatures, without an engine"),
    CommandEntry("trust", "trust", "write what verifies signatures by identity, to verify offline"),
    CommandEntry("up", "instance.up", "start the engine and the registry, or one of them"),
    CommandEntry(
        "down", "instance.down", "stop the engine and the registry, or one of them; their data is kept"
    ),
    CommandEntry(
        "doctor", "instance.doctor", "look at what a run needs: rights, keys, engine, git, disk, clock"
    ),
    CommandEntry("status", "instance.status", "show how the engine and the registry run"),
    CommandEntry("env", "instance.env", "print variables for the dagger CLI, as shell exports"),
    CommandEntry("completion", "instance.completion", "print the script that completes commands in a shell"),
    CommandEntry(
        "artifact", "artifact", "push, pull and show files under their media types, as OCI artifacts"
    ),
    CommandEntry(
        "copy", "release.copy", "copy an image and all that is attached to it to another repository"
    ),
    CommandEntry("mirror", "release.mirror", "copy what is new of repositories by pattern, tags last"),
    CommandEntry("export", "release.export", "write images as archives (OCI layouts) to dist/"),
)


def load(entry: CommandEntry) -> Command[Any] | CommandGroup:
    """Import a command."""
    commands: dict[str, Command[Any] | CommandGroup] = importlib.import_module(
        f"{__name__}.{entry.module}"
    ).COMMANDS
    return commands[entry.name]
