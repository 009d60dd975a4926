"""verify by rules: each image against the rules for it, and every rule printed with what was found."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pipeline.errors import Exit, UsageError
from pipeline.lab import LabSettings
from pipeline.model import Reference
from pipeline.run.gates.rules import CheckedImage, RulesInForce, check_rules
from pipeline.trust import Signatory
from pipeline.util.concurrency import each

from .. import signals
from ..common_options import CommonOptions, SignatoryOptions
from ..instance.signing_key import existing_key
from ..instance.verification import chosen_signatory
from ..output import console
from .images import image_source
from .rules import rules_file, rules_for


def verify_by_rules(
    common: CommonOptions,
    references: tuple[Reference, ...],
    path: Path,
    signatory: SignatoryOptions,
    layout: Path | None,
) -> int:
    """Print what was checked of each image; exit code 7 with SignatureRefused for the first that does not meet its
    rules. Raises UsageError, ConfigError, RegistryError."""
    if not references:
        raise UsageError(
            "--rules wants the images to verify", hint=f"lockage verify --rules {path} HOST/NAME:TAG"
        )
    rules = rules_file(path)
    default = _default(signatory, wanted=any(not one.signers for one in rules.all))
    wanted = rules_for(references, rules, path, default)
    return report(common, signals.run(partial(_check, common.root, references, wanted, layout)))


def report(common: CommonOptions, images: Sequence[CheckedImage]) -> int:
    """Print what was checked. Raises SignatureRefused for the first image that is refused; with `--json` all are data,
    and the exit code says it."""
    refused = [image for image in images if image.unmet]
    if common.json:
        console.print_json([image.to_json() for image in images])
        if refused:
            console.message(f"{len(refused)} of {len(images)} images do not meet {refused[0].rules}")
            return Exit.GATE
        return Exit.OK
    for image in images:
        if not image.unmet:
            _print(image)
    for image in refused:
        image.refuse()
    return Exit.OK


def _default(options: SignatoryOptions, *, wanted: bool) -> Signatory | None:
    """Whose signatures count where rules name nobody: who the options name, else this site."""
    chosen = chosen_signatory(options)
    if chosen is None and wanted:
        return existing_key(None, os.environ, LabSettings.from_env(os.environ).data)
    return chosen


async def _check(
    root: Path, references: Sequence[Reference], rules: Sequence[RulesInForce], layout: Path | None
) -> list[CheckedImage]:
    now = int(time.time())
    async with image_source(root, references, layout) as images:
        pairs = list(zip(references, rules, strict=True))
        return await each(lambda pair: check_rules(images, pair[0], pair[1], now), pairs)


def _print(image: CheckedImage) -> None:
    console.print_line(f"verified  {image.reference} by {image.rules}")
    for subject in image.subjects:
        for check in subject.checks:
            console.print_line(f"          {subject.name}: {check.rule}: {check.found}")
        for reason in subject.refused:
            console.message(f"warning: left out {reason}")
