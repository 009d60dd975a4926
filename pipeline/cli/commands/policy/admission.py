"""policy admission: what a cluster needs to admit only images that meet the rules of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import group, option, positional
from ...command import Command
from ...common_options import CommonOptions
from ...output import console

Engine = Literal["kyverno", "policy-controller", "configmap"]
ENGINES: tuple[Engine, ...] = ("kyverno", "policy-controller", "configmap")
KINDS = ("ImageValidatingPolicy", "ClusterPolicy")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionOptions:
    """What `policy admission` understands."""

    common: CommonOptions = group(CommonOptions)
    engine: Engine = positional(choices=ENGINES, help="what admits images in the cluster")
    rules: Path = option(
        "--rules",
        type=Path,
        required=True,
        metavar="FILE",
        help="YAML with verify: and exemptions: (docs/admission.md)",
    )
    kind: str = option(
        "--kind", default=KINDS[0], choices=KINDS, help=f"of Kyverno's policies (default: {KINDS[0]})"
    )
    name: str = option(
        "--name", default="lockage", help="what the resources are named after (default: lockage)"
    )
    key: Path | None = option(
        "--key",
        type=Path,
        metavar="FILE",
        help="public key where rules name no signers (default: this site's)",
    )
    output: Path | None = option(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        exclusive="where",
        help="write to a file (default: print)",
    )
    check: Path | None = option(
        "--check",
        type=Path,
        metavar="FILE",
        exclusive="where",
        help="compare with a file that was written before (exit code 3 if it differs)",
    )


def admission(options: AdmissionOptions) -> int:
    """Write the policies; warn of all that they leave out. Raises UsageError, ConfigError, EnvironmentProblem."""
    from ...files.replace import replace_file
    from ...verification.admission import check_written, write_policies

    kind = {"policy-controller": "ClusterImagePolicy", "configmap": "ConfigMap"}.get(
        options.engine, options.kind
    )
    text, policies, warnings = write_policies(options.rules, kind, options.name, options.key)
    for warning in warnings:
        console.message(f"warning: {warning}")
    for missing in policies.missing:
        console.message(f"warning: left out: {missing}")
    if options.check is not None:
        check_written(options.check, text, options.rules)
    elif options.output is not None:
        replace_file(options.output, text)
    if options.common.json:
        documents = [policy.document for policy in policies.documents]
        console.print_json(
            {"documents": documents, "left_out": list(policies.missing), "warnings": list(warnings)}
        )
    elif options.check is None and options.output is None:
        console.print_text(text)
    return Exit.OK


COMMAND = Command(AdmissionOptions, admission)
