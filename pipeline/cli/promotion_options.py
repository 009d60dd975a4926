"""Options of the commands that change the tags of environments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.util.dataclass import dataclass

from .arguments import flag, option

if TYPE_CHECKING:
    from pipeline.policy import Revision
    from pipeline.run.publish.promotion import PromotionOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFlags:
    """Whether a command that changes tags only says what it would do."""

    plan: bool = flag("--plan", help="report what would be done; write nothing")
    file: Path | None = option(
        "--plan-file", type=Path, metavar="FILE", help="write that to FILE, for lockage apply; nothing else"
    )

    @property
    def only(self) -> bool:
        """Whether nothing is changed."""
        return self.plan or self.file is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionFlags:
    """What a promotion may do beyond the rules of an environment."""

    force: bool = flag("--force", help="overwrite tags that somebody else moved")
    backwards: str | None = option(
        "--allow-backwards",
        metavar="REASON",
        help="move rolling tags back to an older version; the reason is recorded",
    )
    dirty: bool = flag(
        "--allow-dirty", help="promote from a work tree with changes what was built from commits"
    )
    unpin: bool = flag("--unpin", help="promote images that a rollback pinned; the pins end")

    def value(self) -> PromotionOptions:
        """With the author, as the ledger names him. Raises UsageError for an empty reason."""
        import os

        from pipeline.errors import UsageError
        from pipeline.run.publish.promotion import PromotionOptions

        from .author import author

        if self.backwards is not None and not self.backwards.strip():
            raise UsageError("--allow-backwards needs a reason", hint='--allow-backwards "1.4 breaks logins"')
        return PromotionOptions(self.force, self.backwards or "", self.dirty, author(os.environ), self.unpin)


def revision_option() -> Any:
    """`--revision SHA`: the commit whose images are taken."""
    return option(
        "--revision",
        metavar="SHA",
        convert=_revision,
        help="commit whose images to take (default: the current one)",
    )


def _revision(text: str) -> Revision:
    from pipeline.errors import UsageError
    from pipeline.policy import Revision

    try:
        return Revision(text)
    except ValueError as error:
        raise UsageError(str(error), hint="--revision takes a whole commit id: git rev-parse HEAD") from None


def data_option() -> Any:
    """`--data today|signed`: what judges before tags move."""
    return option(
        "--data",
        choices=("today", "signed"),
        help="judge by today's vulnerability data, or by the signed findings (default: as the environment says)",
    )
