"""License expressions (SPDX 2.3, annex D) as values, and the identifiers of SPDX's list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

from pipeline.util.dataclass import dataclass
from pipeline.util.suggest import nearest

if TYPE_CHECKING:
    import license_expression

OWN = "LicenseRef-"
"""What identifiers begin with that are not on SPDX's list."""
_NOT_OF_AN_ID = re.compile(r"[^A-Za-z0-9.-]+")
_LONGEST = 2000  # characters; some packages have a whole license text as its name
_FAULTS = (AssertionError, AttributeError, IndexError, TypeError, RecursionError)
"""What the library's parser raises besides for some texts that are no expression, such as `(AND 0`."""
_NONE = frozenset({"", "NONE", "NOASSERTION", "UNKNOWN"})


@dataclass(frozen=True, slots=True)
class License:
    """One license, by its identifier; `exception` is that of WITH. `listed` says that SPDX's list has it."""

    id: str
    exception: str = ""
    listed: bool = True

    def __str__(self) -> str:
        return f"{self.id} WITH {self.exception}" if self.exception else self.id


@dataclass(frozen=True, slots=True)
class Licenses:
    """Several: one of them may be chosen (`OR`), or all hold (`AND`)."""

    operator: Literal["AND", "OR"]
    parts: tuple[License | Licenses, ...]

    def __str__(self) -> str:
        texts = (f"({part})" if isinstance(part, Licenses) else str(part) for part in self.parts)
        return f" {self.operator} ".join(texts)


@lru_cache(maxsize=4096)
def parse_license(text: str) -> License | Licenses | None:
    """An expression, or the name of a license; None for a text that says that there is none.

    A name that is no identifier becomes `LicenseRef-` and the name, as in SPDX documents; so does what cannot be read.
    """
    text = text.strip()
    if text.upper() in _NONE:
        return None
    from license_expression import ExpressionError

    if len(text) > _LONGEST:
        return _unlisted(text)
    try:
        return _value(_spdx().parse(text))
    except (ExpressionError, *_FAULTS):
        return _unlisted(text)


def license_problem(pattern: str) -> str | None:
    """What is wrong with an identifier, or a pattern of identifiers, of a policy; None for a good one."""
    if "*" in pattern:
        start = pattern.partition("*")[0].casefold()
        if pattern.startswith(OWN) or any(id.casefold().startswith(start) for id in _license_ids()):
            return None
        return f"{pattern[:80]!r} matches no license of SPDX's list"
    parsed = parse_license(pattern)
    if isinstance(parsed, License) and (parsed.listed or pattern.startswith(OWN)):
        return None
    if isinstance(parsed, Licenses):
        return f"{pattern[:80]!r} is an expression: name each license alone"
    close = nearest(pattern[:80], _license_ids())
    hint = f"did you mean {close}?" if close else f"others are written {OWN}…"
    return f"{pattern[:80]!r} is no identifier of SPDX's license list ({hint})"


@cache
def _spdx() -> license_expression.Licensing:
    """SPDX's list, without what the library adds to it."""
    from license_expression import Licensing, get_spdx_licensing

    symbols = get_spdx_licensing().known_symbols.items()
    return Licensing([symbol for key, symbol in symbols if not key.startswith(OWN)])


@cache
def _ids() -> frozenset[str]:
    """The identifiers of licenses and of exceptions."""
    return frozenset(_spdx().known_symbols)


@cache
def _license_ids() -> frozenset[str]:
    return frozenset(key for key, symbol in _spdx().known_symbols.items() if not symbol.is_exception)


def _value(parsed: license_expression.LicenseExpression) -> License | Licenses:
    import license_expression

    if isinstance(parsed, license_expression.LicenseWithExceptionSymbol):
        return License(
            _id(parsed.license_symbol.key),
            parsed.exception_symbol.key,
            parsed.license_symbol.key in _license_ids() and parsed.exception_symbol.key in _ids(),
        )
    if isinstance(parsed, license_expression.AND | license_expression.OR):
        operator: Literal["AND", "OR"] = "AND" if isinstance(parsed, license_expression.AND) else "OR"
        return Licenses(operator, tuple(map(_value, parsed.args)))
    key = str(parsed.key)
    return License(key) if key in _license_ids() else _unlisted(key)


def _id(key: str) -> str:
    return key if key in _license_ids() else _unlisted(key).id


def _unlisted(name: str) -> License:
    id = name if name.startswith(OWN) else OWN + _NOT_OF_AN_ID.sub("-", name).strip("-")
    return License(id[:120], listed=False)


def terms(parsed: License | Licenses) -> Iterator[License]:
    """Every license of an expression."""
    if isinstance(parsed, License):
        yield parsed
    else:
        for part in parsed.parts:
            yield from terms(part)
