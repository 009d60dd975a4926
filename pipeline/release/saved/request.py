"""The request of a saved plan, read by a front that is not the command line which wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from .plan import SavedPlan

_SELECTION = frozenset({"--platform", "--only", "--locked"})
_PROMOTION = frozenset(
    {"--to", "--revision", "--data", "--force", "--allow-backwards", "--allow-dirty", "--unpin"}
)
UNDERSTOOD: Mapping[str, frozenset[str]] = {
    "promote": _SELECTION | _PROMOTION | {"--from"},
    "release": _SELECTION | _PROMOTION,
    "rollback": frozenset({"--to", "--reason", "--accept", "--force"}),
    "retention": frozenset({"--env", "--limit", "--closed", "--as-of", "--allow-empty"}),
}
"""The options that other fronts know of each command; what is about the caller's disk is not among them."""
_REQUIRED = {"promote": ("--to",), "rollback": ("--reason",)}
_ARGUMENTS = {"promote": (0, None), "release": (1, None), "rollback": (1, None), "retention": (0, 0)}
"""How many at least and at most."""
_FORMS = {
    "--closed": re.compile("[0-9]{1,9}", re.ASCII),
    "--limit": re.compile("[1-9][0-9]{0,5}", re.ASCII),
    "--data": re.compile("today|signed"),
    "--as-of": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII),
    "--reason": re.compile(r"(?s).*\S.*"),
    "--allow-backwards": re.compile(r"(?s).*\S.*"),
    **dict.fromkeys(("--force", "--allow-dirty", "--unpin", "--locked", "--allow-empty"), re.compile("")),
}


@dataclass(frozen=True, slots=True)
class SavedRequest:
    """A command's arguments: those without a name, and the values of each option, in their order."""

    arguments: tuple[str, ...]
    options: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, plan: SavedPlan) -> SavedRequest:
        """The request of a plan. Raises UsageError for an option that only the command line knows, and for what no
        command line wrote."""
        if plan.command not in UNDERSTOOD:
            raise UsageError(
                f"the plan is one of lockage {plan.command}, which needs no project",
                hint="lockage apply FILE, on the command line",
            )
        arguments, options = [], dict[str, tuple[str, ...]]()
        for word in plan.request:
            if not word.startswith("-"):
                arguments.append(word)
                continue
            option, _, value = word.partition("=")
            if option not in UNDERSTOOD[plan.command]:
                raise UsageError(
                    f"the plan was made with {option[:60]}, which only the command line knows",
                    hint="lockage apply FILE; or make the plan again without it",
                )
            options[option] = (*options.get(option, ()), value)
        request = cls(tuple(arguments), options)
        if not request._is_one_of(plan.command):
            raise UsageError(
                f"the plan's request is not one of lockage {plan.command}",
                hint=f"lockage {plan.command} … --plan-file FILE writes a plan",
            )
        return request

    def _is_one_of(self, command: str) -> bool:
        least, most = _ARGUMENTS[command]
        counted = least <= len(self.arguments) and (most is None or len(self.arguments) <= most)
        return (
            counted
            and all(self.value(option) for option in _REQUIRED.get(command, ()))
            and all(form.fullmatch(value) for option, form in _FORMS.items() for value in self.values(option))
        )

    def values(self, option: str) -> tuple[str, ...]:
        """Every value of an option."""
        return self.options.get(option, ())

    def value(self, option: str) -> str:
        """The value of an option; empty where it is not there."""
        return self.values(option)[-1] if self.values(option) else ""

    def has(self, option: str) -> bool:
        """Whether an option is there."""
        return option in self.options
