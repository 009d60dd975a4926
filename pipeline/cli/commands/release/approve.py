"""approve: sign a saved plan, for an environment that takes changes by approved plans alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import group, option, positional
from ...command import Command
from ...common_options import CommonOptions
from ...output import console

if TYPE_CHECKING:
    from pipeline.config import Environment, Project
    from pipeline.release.saved import SavedPlan
    from pipeline.release.saved.approval import Approver
    from pipeline.trust import Signatory, Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveOptions:
    """What `approve` understands."""

    common: CommonOptions = group(CommonOptions)
    file: Path = positional(type=Path, metavar="FILE", help="what --plan-file wrote")
    key: str | None = option(
        "--key",
        metavar="FILE",
        help="sign with this private key of cosign's (env://NAME: in a variable), whose password is in "
        "COSIGN_PASSWORD (default: sign by your identity, with the token in SIGSTORE_ID_TOKEN)",
    )


def approve(options: ApproveOptions) -> int:
    """Print what is approved and where the approval was written. Raises UsageError for what is no plan, for a plan that
    nobody has to approve, and for somebody who may not."""
    from pipeline.release.saved import SavedPlan
    from pipeline.release.saved.approval import approval_of, approver_of, read_approvals

    from ... import signals
    from ...files.replace import replace_file
    from ...planning.reader import PlanReader, PlanRequest
    from ...verification.approvals import approval_path, approvals_beside, approving
    from .apply import plan_content

    root, file = options.common.root, options.file
    plan = SavedPlan.from_bytes(plan_content(file), str(file))
    project = PlanReader(PlanRequest(root)).read_known().project
    plan.refuse_project(project.project)
    wanting = [
        (e, approving(e, root)) for e in project.environments if e.approvals and e.name in plan.ledgers
    ]
    if not wanting:
        raise UsageError(
            f"nobody has to approve {file}: no environment of it has approvals: in lockage.yml",
            hint=f"lockage apply {file}",
        )
    signers = [signer for _, accepted in wanting for signer in accepted]
    (bundle,) = signals.run(partial(_sign, options, project, signers, approval_of(plan)))
    approver = approver_of(plan.digest, bundle, signers)
    if isinstance(approver, str):
        raise UsageError(
            f"this is nobody who may approve {', '.join(e.name for e, _ in wanting)}: {approver}",
            hint="approvals: from: of the environment in lockage.yml lists who may",
        )
    written = approval_path(file, approver.digest)
    replace_file(written, bundle)
    _report(options, plan, approver, written)
    beside = approvals_beside(file)
    for environment, accepted in wanting:
        _report_state(environment, len(read_approvals(plan.digest, beside, accepted).approvers), file)
    return Exit.OK


def _report(options: ApproveOptions, plan: SavedPlan, approver: Approver, written: Path) -> None:
    if options.common.json:
        data = {"plan": str(plan.digest), "approver": approver.name, "file": str(written)}
        console.print_json(data)
        return
    for move in plan.moves:
        console.message(f"{move.reference}  {move}")
    console.print_line(str(written))
    console.message(
        f"{plan.command} of {plan.project}, {len(plan.moves)} changes: approved by {approver.name}"
    )


def _report_state(environment: Environment, count: int, file: Path) -> None:
    wanted = environment.approvals
    assert wanted
    then = f"; lockage apply {file}" if count >= wanted.required else ""
    console.message(f"{environment.name}: {count} of {wanted.required} approvals{then}")


async def _sign(
    options: ApproveOptions, project: Project, signers: Sequence[Signatory], statement: Statement
) -> list[bytes]:
    from pipeline.run.signing.signer import with_key

    from ...verification.approvals import identity_signer

    if options.key is None:
        return await identity_signer(project.keyless, signers, options.common.root, os.environ).sign(
            [statement]
        )
    from pipeline.trust.private_key import pair_of

    sealed = _private_key(options.key, options.common.root)
    pair = pair_of(sealed, os.environ.get("COSIGN_PASSWORD", ""), options.key)
    return await with_key(pair)(str(options.file), [statement])


def _private_key(name: str, root: Path) -> bytes:
    """The file, or the variable of `env://NAME`. Raises UsageError."""
    from pipeline.trust.limits import KEY_BYTES
    from pipeline.util.files import read_file

    variable = name.removeprefix("env://")
    if variable != name:
        if not (value := os.environ.get(variable)):
            raise UsageError(f"--key: no private key in {variable}", hint="--key FILE, or --key env://NAME")
        return value.encode()
    try:
        return read_file(root / name, KEY_BYTES)
    except OSError as error:
        raise UsageError(
            f"cannot read the key {name}: {error.strerror}",
            hint="name a private key: --key cosign.key, or --key env://NAME",
        ) from None


COMMANDS = {"approve": Command(ApproveOptions, approve)}
