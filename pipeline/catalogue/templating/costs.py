"""What filters, tests and methods cost, beside reading what they are given. A filter, test or method that is not listed
here is not available to templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .budget import ITEM, VALUE, Budget, OverBudget, Stream
from .limits import MAX_ATTRIBUTE
from .padding import charge_percent

Arguments = tuple[Any, ...]
Named = Mapping[str, Any]
Cost = Callable[[Budget, Arguments, Named], None]

_MAX_DIGITS = 400  # of round: floats have no more
_QUADRATIC = 64  # characters that are copied in the time of one unit


def argument(values: Arguments, named: Named, at: int, name: str, default: Any = None) -> Any:
    """An argument by position or name."""
    return values[at] if len(values) > at else named.get(name, default)


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _padding(what: str, at: int, name: str, default: int = 0) -> Cost:
    def cost(budget: Budget, values: Arguments, named: Named) -> None:
        budget.making(_whole(argument(values, named, at, name, default)), what)

    return cost


def _join(budget: Budget, values: Arguments, named: Named) -> None:
    _by_attribute(2)(budget, values, named)
    _joined(budget, values[0] if values else (), argument(values, named, 1, "d", ""))


def _joined(budget: Budget, items: Any, separator: Any) -> None:
    count = len(items) if hasattr(items, "__len__") else 0
    texts = sum(len(item) for item in items if isinstance(item, str)) if count else 0
    budget.making(texts + count * (len(separator) if isinstance(separator, str) else VALUE), "join")


def _replace(budget: Budget, values: Arguments, named: Named) -> None:
    text, old, new = (argument(values, named, at, name, "") for at, name in enumerate(("s", "old", "new")))
    if not (isinstance(text, str) and isinstance(old, str) and isinstance(new, str)):
        text, old, new = str(text), str(old), str(new)
    count = argument(values, named, 3, "count", -1)
    uses = text.count(old)
    if isinstance(count, int) and 0 <= count < uses:
        uses = count
    budget.making(len(text) + uses * (len(new) - len(old)), "replace")


def _indent(budget: Budget, values: Arguments, named: Named) -> None:
    text, width = argument(values, named, 0, "s", ""), argument(values, named, 1, "width", 4)
    wide = len(width) if isinstance(width, str) else _whole(width)
    lines = len(text.splitlines()) if isinstance(text, str) else 1
    budget.making(wide * (lines + 1), "indent")


def _wordwrap(budget: Budget, values: Arguments, named: Named) -> None:
    text = argument(values, named, 0, "s", "")
    width = max(1, _whole(argument(values, named, 1, "width", 79)))
    between = argument(values, named, 3, "wrapstring") or " "
    size = len(text) if isinstance(text, str) else VALUE
    budget.charge(64 * size + size * size // (width * _QUADRATIC))
    if isinstance(between, str):
        budget.making(size + (size // width + 1) * len(between), "wordwrap")


def _quadratic(budget: Budget, values: Arguments, named: Named) -> None:
    """Filters that search and copy what is left of a text for each match."""
    size = sum(len(value) for value in (*values, *named.values()) if isinstance(value, str))
    budget.charge(64 * size + size * size // _QUADRATIC)


def _round(budget: Budget, values: Arguments, named: Named) -> None:
    if abs(_whole(argument(values, named, 1, "precision", 0))) > _MAX_DIGITS:
        raise OverBudget(f"round takes at most {_MAX_DIGITS} digits")


def _sum(budget: Budget, values: Arguments, named: Named) -> None:
    _by_attribute(1)(budget, values, named)
    start, items = argument(values, named, 2, "start", 0), values[0] if values else ()
    if not isinstance(start, int | float) and hasattr(items, "__len__"):
        longest = max((len(item) for item in items if hasattr(item, "__len__")), default=1)
        budget.charge(VALUE * len(items) * len(items) * longest)


def _json(budget: Budget, values: Arguments, named: Named) -> None:
    indent = argument(values, named, 1, "indent")
    wide = len(indent) if isinstance(indent, str) else _whole(indent)
    if wide > 0:
        before = budget.work
        budget.read(values[0] if values else None)
        budget.making(wide * ((budget.work - before) // VALUE), "tojson")


def _percent(budget: Budget, values: Arguments, named: Named) -> None:
    if values:
        text = values[0] if isinstance(values[0], str) else str(values[0])
        charge_percent(budget, text, values[1:] or dict(named))


def _sequence(budget: Budget, values: Arguments, named: Named) -> None:
    """Filters that make a list of what they are given: each character of a text becomes a text."""
    if values and isinstance(values[0], str):
        budget.charge(ITEM * len(values[0]))


def _by_attribute(at: int) -> Cost:
    """Filters that look up an attribute of every item; its name is split each time."""

    def cost(budget: Budget, values: Arguments, named: Named) -> None:
        attribute = argument(values, named, at, "attribute")
        if isinstance(attribute, str) and len(attribute) > MAX_ATTRIBUTE:
            raise OverBudget(f"an attribute of more than {MAX_ATTRIBUTE} characters")
        _sequence(budget, values, named)

    return cost


def _free(budget: Budget, values: Arguments, named: Named) -> None:
    """Nothing beside what is read."""


FILTERS: Mapping[str, Cost] = {
    **dict.fromkeys(
        (
            *("abs", "attr", "capitalize", "count", "d", "default", "e", "escape", "filesizeformat", "first"),
            *(
                "float",
                "forceescape",
                "int",
                "length",
                "lower",
                "pprint",
                "random",
                "safe",
                "string",
                "title",
            ),
            *("trim", "truncate", "upper", "urlencode", "wordcount", "xmlattr"),
        ),
        _free,
    ),
    **dict.fromkeys(
        (*("dictsort", "items", "last", "list", "reject", "reverse", "select", "slice"),),
        _sequence,
    ),
    **dict.fromkeys(("groupby", "rejectattr", "selectattr"), _by_attribute(1)),
    **dict.fromkeys(("map", "max", "min", "unique"), _by_attribute(2)),
    "sort": _by_attribute(3),
    "batch": _padding("batch", 1, "linecount"),
    "center": _padding("center", 1, "width", 80),
    "format": _percent,
    "indent": _indent,
    "join": _join,
    "replace": _replace,
    "round": _round,
    "striptags": _quadratic,
    "sum": _sum,
    "tojson": _json,
    "urlize": _quadratic,
    "wordwrap": _wordwrap,
}
_COMPARING = (
    *("!=", "<", "<=", "==", ">", ">=", "eq", "equalto", "ge", "greaterthan", "gt", "in", "le", "lessthan"),
    *("lt", "ne"),
)
# what is read counts so many times, because each character or item of it costs more
WEIGHTS: Mapping[str, int] = {
    **dict.fromkeys(
        ("e", "escape", "forceescape", "title", "tojson", "urlencode", "wordcount", "xmlattr"), 16
    ),
    **dict.fromkeys(("dictsort", "groupby", "max", "min", "sort", "unique"), 8),
    **dict.fromkeys(_COMPARING, 4),
    "pprint": 64,
}
# what these are given is read as a whole, more than once: a list, if it is an iterator
AT_ONCE = frozenset(("dictsort", "groupby", "join", "max", "min", "pprint", "sort", "sum", "tojson"))

TESTS = frozenset((*_COMPARING, "divisibleby", "even", "lower", "odd", "upper"))
# tests that only look at a value's type
FREE_TESTS = frozenset(
    (
        *("boolean", "callable", "defined", "escaped", "false", "filter", "float", "integer", "iterable"),
        *("mapping", "none", "number", "sameas", "sequence", "string", "test", "true", "undefined"),
    )
)


def _expandtabs(budget: Budget, values: Arguments, named: Named) -> None:
    size = _whole(argument(values, named, 1, "tabsize", 8))
    budget.making(len(values[0]) + values[0].count("\t") * size, "expandtabs")


def _product(budget: Budget, values: Arguments, named: Named) -> None:
    """Methods that may look at every pair of characters of two texts."""
    other = max((len(value) for value in values[1:] if isinstance(value, str)), default=1)
    budget.charge(len(values[0]) * (1 + other // 8))


def _searching(budget: Budget, values: Arguments, named: Named) -> None:
    budget.read(values[0], 4)


def _translate(budget: Budget, values: Arguments, named: Named) -> None:
    table = values[1] if len(values) > 1 and isinstance(values[1], Mapping) else {}
    longest = max((len(text) for text in table.values() if isinstance(text, str)), default=1)
    budget.charge(16 * len(values[0]))
    budget.making(len(values[0]) * longest, "translate")


def _method_join(budget: Budget, values: Arguments, named: Named) -> None:
    _joined(budget, values[1] if len(values) > 1 else (), values[0])


_TEXT: Mapping[str, Cost] = {
    **dict.fromkeys(
        (
            *("capitalize", "casefold", "endswith", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit"),
            *("isidentifier", "islower", "isnumeric", "isprintable", "isspace", "istitle", "isupper"),
            *(
                "lower",
                "removeprefix",
                "removesuffix",
                "splitlines",
                "startswith",
                "swapcase",
                "title",
                "upper",
            ),
            *("maketrans", "unescape"),
        ),
        _searching,
    ),
    **dict.fromkeys(("count", "find", "index", "partition", "split"), _searching),
    **dict.fromkeys(("lstrip", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "strip"), _product),
    **{name: _padding(name, 1, "width") for name in ("center", "ljust", "rjust", "zfill")},
    "expandtabs": _expandtabs,
    "join": _method_join,
    "replace": _replace,
    "striptags": _quadratic,
    "translate": _translate,
}
_LIST = dict.fromkeys(("copy", "count", "index"), _free)
_DICT = dict.fromkeys(("copy", "get", "items", "keys", "values"), _free)
_INT = ("as_integer_ratio", "bit_count", "bit_length", "conjugate")
_METHODS: Mapping[type, Mapping[str, Cost]] = {
    str: _TEXT,
    list: _LIST,
    tuple: _LIST,
    range: _LIST,
    dict: _DICT,
    int: dict.fromkeys(_INT, _free),
    float: dict.fromkeys(("as_integer_ratio", "conjugate", "hex", "is_integer"), _free),
}


def method_cost(owner: Any, name: str) -> Cost | None:
    """The cost of a method of a text, a list, a mapping or a number; None for one that is not available."""
    for kind in type(owner).__mro__:
        if kind in _METHODS:
            return _METHODS[kind].get(name)
    return None


def at_once(budget: Budget, value: Any) -> Any:
    """A list of what an iterator gives; anything else as it is."""
    return budget.items(value) if isinstance(value, Stream) else value
