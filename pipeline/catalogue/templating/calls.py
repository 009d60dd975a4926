"""Calls and operators in templates, charged before they happen. What is not listed here or in `costs.py`, of which
nobody knows what it costs, is not available."""

from __future__ import annotations

from types import BuiltinMethodType, MethodType
from typing import Any

import jinja2
from jinja2.runtime import BlockReference, LoopContext, Macro
from jinja2.sandbox import safe_range
from jinja2.utils import Cycler, Joiner, Namespace, generate_lorem_ipsum

from .budget import NODE, Budget, OverBudget
from .costs import argument, at_once, method_cost
from .limits import MAX_BITS
from .padding import Format, charge_percent

_CALLABLE = (BlockReference, Format, Joiner, LoopContext, Macro)
_FUNCTIONS = (dict, safe_range, Cycler, Joiner, Namespace)
_VIEWS = frozenset(("get", "items", "keys", "values"))  # methods that read nothing


def charge_call(
    budget: Budget, called: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, ...]:
    """Charge a call; the positional arguments that it is to be given. Raises `OverBudget`."""
    kind = type(called)
    if kind in (BuiltinMethodType, MethodType):
        return _method(budget, called, args, kwargs)
    if called is generate_lorem_ipsum:
        count, most = (argument(args, kwargs, *at) for at in ((0, "n", 5), (3, "max", 100)))
        if isinstance(count, int) and isinstance(most, int):
            budget.making(8 * count * most, "lipsum")
    elif any(called is function for function in _FUNCTIONS):
        args = tuple(at_once(budget, value) for value in args)
        budget.read((args, kwargs))
    elif kind not in _CALLABLE and not isinstance(called, jinja2.Undefined) and callable(called):
        raise OverBudget(f"{getattr(called, '__name__', kind.__name__)} is not available in templates")
    return args


def _method(budget: Budget, method: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    owner, name = method.__self__, method.__name__
    args = tuple(at_once(budget, value) for value in args)
    budget.read((args, kwargs))
    if isinstance(owner, LoopContext | Cycler):
        return args
    cost = method_cost(owner, name)
    if cost is None:
        raise OverBudget(f"the method {name} of {type(owner).__name__} is not available in templates")
    if name not in _VIEWS:
        budget.read(owner)
    cost(budget, (owner, *args), kwargs)
    return args


def charge_operator(budget: Budget, operator: str, left: Any, right: Any) -> None:
    """Charge an arithmetic operator. Raises `OverBudget` if its result would be huge."""
    if isinstance(left, int) and isinstance(right, int):
        _check_numbers(operator, left, right)
    elif operator == "%" and isinstance(left, str):
        charge_percent(budget, left, right)
    elif operator == "*":
        for many, count in ((left, right), (right, left)):
            if isinstance(many, str | list | tuple) and isinstance(count, int):
                size = len(many) * max(count, 0)
                budget.making(size, "*")
                budget.charge(0 if isinstance(many, str) else NODE * size)
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        budget.charge(NODE * (len(left) + len(right)))
    elif isinstance(left, str) and isinstance(right, str):
        budget.making(len(left) + len(right), operator)
    else:
        budget.read((left, right))


def _check_numbers(operator: str, left: int, right: int) -> None:
    bits = left.bit_length() + right.bit_length()
    if operator == "**":
        bits = left.bit_length() * max(right, 1)
    if bits > MAX_BITS:
        raise OverBudget(f"the result of {operator} is too large, more than {MAX_BITS} bits")
