"""Admission policies from a file of rules and the keys that it names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pipeline.config.verification.file import read_admission
from pipeline.errors import ConfigError, EnvironmentProblem, Problem, UsageError
from pipeline.lab import LabSettings
from pipeline.model.verification import AcceptedSigner, Admission
from pipeline.policy.admission import WRITERS, Policies, expired, policies_yaml
from pipeline.trust import PublicKey
from pipeline.util.files import read_file

from ..instance.signing_key import existing_key
from .rules import named_file, rules_content

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")
_MOST_BYTES = 16 * 1024 * 1024


def write_policies(
    path: Path, kind: str, name: str, key: Path | None
) -> tuple[str, Policies, tuple[str, ...]]:
    """The YAML of the policies, the policies, and what to warn of. Raises UsageError, ConfigError."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of a resource",
            hint="at most 50 lower-case letters, digits and -, such as lockage",
        )
    rules = read_admission(rules_content(path), str(path))
    admission, keys = _with_keys(rules, path, key)
    today = datetime.now(UTC).date()
    policies = WRITERS[kind](admission, keys, today, name)
    text = policies_yaml(policies, f"lockage policy admission ({kind})", path.name)
    return text, policies, expired(admission.exemptions, today)


def check_written(written: Path, text: str, rules: Path) -> None:
    """Compare with what was written before. Raises ConfigError if it differs, UsageError if it cannot be read."""
    try:
        content = read_file(written, _MOST_BYTES)
    except (OSError, EnvironmentProblem) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot read {written}: {reason}") from None
    if content != text.encode():
        problem = (
            f"is not what {rules} requires: rules, keys or exemptions have changed, or somebody edited it"
        )
        raise ConfigError([Problem(str(written), 0, 0, "", problem, f"write it again: -o {written}")])


def _with_keys(rules: Admission, path: Path, key: Path | None) -> tuple[Admission, Mapping[str, str]]:
    """The rules with the site's key where they name no signer, and all keys as PEM."""
    keys = {
        signer.key: PublicKey(named_file(signer.key, path.parent, str(path)), signer.key).pem
        for entry in rules.rules
        for signer in entry.rules.signers
        if signer.key is not None
    }
    if all(entry.rules.signers for entry in rules.rules):
        return rules, keys
    site = existing_key(key, os.environ, LabSettings.from_env(os.environ).data)
    own = (AcceptedSigner(key=""),)
    entries = (
        entry if entry.rules.signers else replace(entry, rules=replace(entry.rules, signers=own))
        for entry in rules.rules
    )
    return replace(rules, rules=tuple(entries)), {**keys, "": site.pem}
