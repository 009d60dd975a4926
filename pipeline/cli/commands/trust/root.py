"""trust root: the trusted root in force as a file, to carry along to where signatures are verified."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import EnvironmentProblem, Exit
from pipeline.util.dataclass import dataclass

from ...arguments import group, option
from ...command import Command
from ...common_options import CommonOptions
from ...output import console

if TYPE_CHECKING:
    from pipeline.trust.keyless import Services
    from pipeline.trust.keyless.root import RootAge


@dataclass(frozen=True, slots=True, kw_only=True)
class RootOptions:
    """What `trust root` understands."""

    common: CommonOptions = group(CommonOptions)
    output: Path | None = option(
        "-o", "--output", type=Path, metavar="FILE", help="write to a file (default: print)"
    )


def root(options: RootOptions) -> int:
    """Write the root as its publisher wrote it; whose it is and how old goes to stderr, or with `--json` to stdout in
    the place of the root. Raises ConfigError, EnvironmentProblem."""
    from pipeline.trust.keyless.root import root_age

    from ...files.replace import replace_file

    services, now = _in_force(options.common.root), datetime.now(UTC)
    age = root_age(services)
    if options.output is not None:
        try:
            replace_file(options.output, services.root.raw)
        except EnvironmentProblem as error:
            raise EnvironmentProblem(error.message, hint="name another file: -o trusted_root.json") from None
    if options.common.json:
        console.print_json(age.to_json(now))
    elif options.output is None:
        console.print_text(services.root.raw.decode())
    _report(age, now)
    return Exit.OK


def _in_force(folder: Path) -> Services:
    """The root that `sign: keyless:` in lockage.yml names, else the public Sigstore's."""
    from pipeline.trust.keyless import read_services

    if not (folder / "lockage.yml").exists():
        return read_services(None)
    from ...instance.keyless import trusted_root
    from ...planning.reader import PlanReader, PlanRequest

    project = PlanReader(PlanRequest(folder)).read_known().project
    return read_services(trusted_root(project.keyless, folder) if project.keyless else None)


def _report(age: RootAge, now: datetime) -> None:
    console.message(f"{age.origin}: {len(age.entries)} authorities and logs")
    newest = age.newest
    console.message(
        f"newest: {newest.kind} {newest.address}, from {newest.start:%Y-%m-%d}, {age.days(now)} days ago"
    )
    for warning in age.warnings(now):
        console.message(f"warning: {warning}")


COMMAND = Command(RootOptions, root)
