"""The plan that a change follows, and whether those who have to approve it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.errors import Exit, LockageError
from pipeline.model import Digest
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.state.ledger import Act


class ApprovalMissing(LockageError):
    """An environment takes no change without approvals, and they are not there; nothing was changed."""

    exit_code = Exit.GATE


@dataclass(frozen=True, slots=True)
class AppliedPlan:
    """The saved plan that a command keeps to: its digest, and who approved it, by environments that require that."""

    digest: Digest
    approvers: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def named_in(self, act: Act, environment: str) -> Act:
        """What the ledger of an environment says of a change by this plan."""
        return replace(act, plan=str(self.digest), approvers=tuple(self.approvers.get(environment, ())))


def refuse_unapproved(environment: Environment, plan: AppliedPlan | None) -> None:
    """Raise ApprovalMissing for an environment that requires approvals, unless the plan has them."""
    wanted = environment.approvals
    if wanted is None or len((plan.approvers if plan else {}).get(environment.name, ())) >= wanted.required:
        return
    names = "\n".join(str(signer) for signer in wanted.signers)
    raise ApprovalMissing(
        f"{environment.name} takes changes by approved plans alone, and {wanted.required} have to approve them",
        hint="the same command with --plan-file FILE; lockage approve FILE by those below; then lockage apply FILE",
        detail=names,
    )
