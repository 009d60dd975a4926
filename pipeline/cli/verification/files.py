"""verify --file: files by the signatures beside them; no request, no engine."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.errors import Exit
from pipeline.lab import LabSettings
from pipeline.policy.verification.provenance import Provenance
from pipeline.release.signed_files import VerifiedFile, verify_file
from pipeline.trust import Signatory
from pipeline.util.concurrency import each

from .. import signals
from ..common_options import CommonOptions, SignatoryOptions
from ..instance.verification import signatory
from ..output import console
from .signed_by import claimed, named, signed_by


def verify_files(common: CommonOptions, paths: Sequence[Path], options: SignatoryOptions) -> int:
    """Print what was verified. Raises SignatureRefused (exit code 7) for a file that the signer has not signed,
    UsageError."""
    signer = signatory(options, os.environ, LabSettings.from_env(os.environ).data)
    verified = signals.run(partial(_verify, [common.root / path for path in paths], signer))
    if common.json:
        console.print_json([{**file.to_json(), **named(signer)} for file in verified])
        return Exit.OK
    for file in verified:
        console.print_line(f"verified  {file.path}")
        console.print_line(f"          {file.digest}, {signed_by(signer)}")
        if file.claims:
            console.print_line(f"          {claimed(file.claims)}")
        if file.provenance is not None:
            console.print_line(f"          {_made(file.provenance)}")
    return Exit.OK


def _made(predicate: Mapping[str, Any]) -> str:
    """Who made a file from what, as its provenance says."""
    try:
        made = Provenance.of(predicate)
    except ValueError as fault:
        return f"its provenance cannot be read: {fault}"
    modified = ", with changes" if made.modified else ""
    source = " ".join(part for part in (made.source, made.ref, made.commit) if part) or "no known source"
    return f"made by {made.builder} from {source}{modified}"


async def _verify(paths: Sequence[Path], signer: Signatory) -> list[VerifiedFile]:
    return await each(partial(verify_file, signatory=signer), paths)
