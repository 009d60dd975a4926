"""artifact pull: write an artifact's files to a folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import group, positional
from ...command import Command
from ...common_options import CommonOptions, SignatoryOptions, output_option
from ...output import console
from ...references import parse_reference

if TYPE_CHECKING:
    from pipeline.model import Reference
    from pipeline.registry.artifacts.show import Artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class PullOptions:
    """What `artifact pull` understands."""

    common: CommonOptions = group(CommonOptions)
    reference: Reference = positional(
        metavar="REF", convert=parse_reference, help="HOST/NAME:TAG or HOST/NAME@sha256:…"
    )
    output: Path = output_option(Path(), "folder (default: here)")
    signatory: SignatoryOptions = group(SignatoryOptions)


def pull(options: PullOptions) -> int:
    """Write an artifact's files, once it is verified if a signer is named; stdout is their paths, one a line.

    Raises SignatureRefused (exit code 7) for an artifact that the signer has not signed."""
    from ... import signals
    from .show import amount

    artifact, paths = signals.run(partial(_pull, options))
    if options.common.json:
        console.print_json({**artifact.to_json(), "paths": [str(path) for path in paths]})
    else:
        for path in paths:
            console.print_line(str(path))
    console.message(f"{artifact.reference}: {amount(artifact)}")
    return Exit.OK


async def _pull(options: PullOptions) -> tuple[Artifact, tuple[Path, ...]]:
    from pipeline.registry import Registry
    from pipeline.registry.artifacts.pull import pull_artifact

    from ...instance.verification import chosen_signatory
    from ...registry_access import registry_access

    root, reference = options.common.root, options.reference
    signatory = chosen_signatory(options.signatory)
    async with Registry(registry_access()) as registry:
        if signatory is not None:
            from pipeline.release.verification import VerificationRequest, verify_references

            (verified,) = await verify_references(registry, signatory, [VerificationRequest(reference)])
            reference = verified.reference
        return await pull_artifact(registry, reference, root / options.output, root=root)


COMMAND = Command(PullOptions, pull)
