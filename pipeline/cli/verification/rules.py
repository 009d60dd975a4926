"""Rules with the files that they name: those of a consumer's file, and of environments in lockage.yml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, EnvironmentProblem, Problem, UsageError
from pipeline.util.files import read_file

if TYPE_CHECKING:
    from pipeline.config import Project
    from pipeline.config.verification.file import RulesOfImages
    from pipeline.model import Reference
    from pipeline.model.verification import VerificationRules
    from pipeline.run.gates.rules import RulesInForce
    from pipeline.trust import Signatory

_RULES_BYTES = 1024 * 1024
_FILE_BYTES = 4 * 1024 * 1024


def rules_file(path: Path) -> RulesOfImages:
    """The rules of a file. Raises UsageError if it cannot be read, ConfigError for its mistakes."""
    from pipeline.config.verification.file import read_rules

    return read_rules(rules_content(path), str(path))


def rules_content(path: Path) -> bytes:
    """What a file of rules holds. Raises UsageError if it cannot be read."""
    try:
        return read_file(path, _RULES_BYTES)
    except (OSError, EnvironmentProblem) as error:
        hint = "docs/verification.md has an example; name your file: --rules FILE"
        raise UsageError(f"cannot read the rules {path}: {_reason(error)}", hint=hint) from None


def rules_for(
    references: Sequence[Reference], rules: RulesOfImages, path: Path, default: Signatory | None
) -> list[RulesInForce]:
    """The rules in force for each reference; `default` counts where they name no signer.

    Raises UsageError for a reference without rules, ConfigError for keys and trusted roots.
    """
    from pipeline.run.gates.rules import rules_for as rules_of
    from pipeline.run.gates.rules import rules_in_force

    of_reference = [rules_of(rules, reference, str(path)) for reference in references]
    return [
        rules_in_force(one, _files(one, path.parent, str(path)), str(path), default) for one in of_reference
    ]


def environment_files(project: Project, root: Path) -> dict[str, bytes]:
    """The keys and trusted roots that rules and approvals of environments name. Raises ConfigError for those that
    cannot be read."""
    named = (one for e in project.environments for one in (e.verify, e.approvals) if one is not None)
    return {path: named_file(path, root, "lockage.yml") for rules in named for path in rules.files}


def environment_rules(project: Project, root: Path, default: Signatory) -> Mapping[str, RulesInForce]:
    """The rules of environments in lockage.yml, by name. Raises ConfigError for keys and trusted roots."""
    from pipeline.run.gates.rules import rules_of_environments

    return rules_of_environments(project, environment_files(project, root), default)


def _files(rules: VerificationRules, folder: Path, origin: str) -> Mapping[str, bytes]:
    return {path: named_file(path, folder, origin) for path in rules.files}


def named_file(path: str, folder: Path, origin: str) -> bytes:
    """A key or trusted root that rules in `folder` name. Raises ConfigError, with its place in the file `origin`, if
    it cannot be read."""
    try:
        return read_file(folder / path, _FILE_BYTES, root=folder)
    except (OSError, EnvironmentProblem) as error:
        problem = _unreadable(folder / Path(origin).name, origin, path, _reason(error))
        raise ConfigError([problem], hint=f"name keys and roots by their path from {origin}") from None


def _unreadable(file: Path, origin: str, name: str, reason: str) -> Problem:
    from pipeline.config.verification.named_files import unreadable

    try:
        content = read_file(file, _RULES_BYTES)
    except (OSError, EnvironmentProblem):
        content = b""
    return unreadable(content, origin, name, reason)


def _reason(error: OSError | EnvironmentProblem) -> str:
    return error.message if isinstance(error, EnvironmentProblem) else error.strerror or str(error)
