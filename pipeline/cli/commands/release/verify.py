"""verify: check signatures in process, with the images' registries alone, or a layout on disk."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import group, option, positional, repeated
from ...command import Command
from ...common_options import CommonOptions, SignatoryOptions, locked_flag
from ...output import console
from ...references import parse_references
from ...verification.signed_by import claimed, named, signed_by

if TYPE_CHECKING:
    from pipeline.model import Reference
    from pipeline.release.verification import Verified
    from pipeline.trust import Signatory

    from ...output.progress import Progress

_VERSION = re.compile(r"v[0-9.]+")


def _paths(texts: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(map(Path, texts))


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """What `verify` understands."""

    common: CommonOptions = group(CommonOptions)
    references: tuple[Reference, ...] = positional(
        nargs="*",
        default=(),
        metavar="IMAGE",
        convert=parse_references,
        help="references (default: all of this revision)",
    )
    signatory: SignatoryOptions = group(SignatoryOptions)
    rules: Path | None = option(
        "--rules",
        type=Path,
        exclusive="rules",
        metavar="FILE",
        help="YAML with verify: what images have to prove (docs/verification.md)",
    )
    environment: str | None = option(
        "--env",
        metavar="ENV",
        exclusive="rules",
        help="by the rules of this environment; without IMAGE, all that the plan has there",
    )
    layout: Path | None = option(
        "--layout",
        type=Path,
        metavar="DIR",
        help="read the images from an OCI layout on disk, without any request",
    )
    files: tuple[Path, ...] = repeated(
        "--file",
        metavar="FILE",
        convert=_paths,
        help="a file instead of an image, by FILE.sigstore.json beside it; may be repeated",
    )
    locked: bool = locked_flag()


def verify(options: VerifyOptions) -> int:
    """Check each reference. Raises SignatureRefused (exit code 7) for the first that is not signed, or does not meet
    the rules."""
    from ... import signals
    from ...output.progress import Progress

    if options.files:
        from ...verification.files import verify_files

        if options.references or options.rules or options.environment or options.layout:
            raise UsageError("--file verifies files by a signer alone", hint="verify images by another call")
        return verify_files(options.common, options.files, options.signatory)
    if options.layout is not None and (options.environment is not None or not options.references):
        raise UsageError(
            "--layout wants the images to verify, by the names that they have in their registry",
            hint="lockage verify --layout DIR HOST/NAME:TAG --key FILE",
        )
    if options.rules is not None:
        from ...verification.command import verify_by_rules

        return verify_by_rules(
            options.common, options.references, options.rules, options.signatory, options.layout
        )
    if options.environment is not None:
        from ...verification.environment import verify_environment

        return verify_environment(
            options.common, options.references, options.environment, locked=options.locked
        )
    look = _verify_references if options.references else _verify_revision
    key, verified = signals.run(partial(look, options, Progress()))
    if options.common.json:
        console.print_json(
            [
                {"reference": str(image.reference), **named(key), **image.verification.to_json()}
                for image in verified
            ]
        )
        return Exit.OK
    for image in verified:
        types = ", ".join(_short_type(name) for name in _statement_types(image))
        console.print_line(f"verified  {image.reference}")
        console.print_line(f"          {signed_by(key)}; statements: {types}")
        for line in _claims(image):
            console.print_line(f"          {line}")
        for refused in image.verification.refused:
            console.message(f"warning: left out {refused}")
    return Exit.OK


async def _verify_revision(options: VerifyOptions, report: Progress) -> tuple[Signatory, list[Verified]]:
    """Everything of this revision in the first environment."""
    from pipeline.release.environments import verify_revision

    from ...instance.session import instance_session
    from ...instance.verification import chosen_signatory
    from ...planning.reader import PlanReader, PlanRequest
    from ...run_context import RunRequest, run_context

    root = options.common.root
    plans = PlanReader(PlanRequest(root, locked=options.locked))
    plans.read_known()  # mistakes are reported before the instance is started
    async with instance_session(root, "verify", report) as session:
        chosen = chosen_signatory(options.signatory)
        async with run_context(RunRequest(plans.request), plans, session, report) as context:
            key = chosen or context.signatory
            return key, await verify_revision(context, key)


async def _verify_references(options: VerifyOptions, _: Progress) -> tuple[Signatory, list[Verified]]:
    """Any image, from any folder: without a catalogue, and without the instance unless the image is there."""
    from pipeline.lab import LabSettings
    from pipeline.release.verification import VerificationRequest, verify_references

    from ...instance.verification import signatory
    from ...verification.images import image_source

    key = signatory(options.signatory, os.environ, LabSettings.from_env(os.environ).data)
    async with image_source(options.common.root, options.references, options.layout) as images:
        wanted = [VerificationRequest(reference) for reference in options.references]
        return key, await verify_references(images, key, wanted)


def _claims(image: Verified) -> list[str]:
    """What the image is signed for, one line for each signature."""
    lines = map(claimed, image.verification.claims)
    return sorted(set(lines)) or ["its signature names neither image nor tag, platform or commit"]


def _statement_types(image: Verified) -> list[str]:
    return sorted({statement.predicate_type for statement in image.verification.statements})


def _short_type(predicate_type: str) -> str:
    """The last part of a predicate type's address that is no version; cosign's own are kept whole."""
    if "cosign" in predicate_type:
        return predicate_type
    return next(part for part in reversed(predicate_type.split("/")) if not _VERSION.fullmatch(part))


COMMANDS = {"verify": Command(VerifyOptions, verify)}
