"""The environment of templates: sandboxed, strict, and charged, so that every template ends soon and stays small.

Whatever a template does passes through here: statements (`enter`), output (`shown`), operators, comparisons, slices,
filters, tests, calls and includes. Nothing else is compiled into a template (`code.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial, wraps
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context, LoopContext, markup_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from ..source import Source
from .budget import ITEM, NODE, Budget, OverBudget
from .calls import charge_call, charge_operator
from .code import ChargedCode, TooMuchCode, reached, weight
from .costs import AT_ONCE, FILTERS, FREE_TESTS, TESTS, WEIGHTS, Cost, at_once
from .limits import MAX_CODE, MAX_OUTPUT, MAX_TOKENS
from .lookup import included_path
from .outline import SMALL, Loader
from .padding import format_method

_COUNTED, _TESTED = "lockage_counted", "lockage_tested"
_INCLUDE = 40_000  # a template that is included sees a copy of all variables
_FILTER = 400
_DIGITS = re.compile(f"[0-9_]{{{MAX_TOKENS}}}")


class UndefinedName(jinja2.UndefinedError):
    """A template uses an undefined name: `name`, of `holder`, or of the context if that is None."""

    def __init__(self, message: str, name: str, holder: object | None) -> None:
        super().__init__(message)
        self.name, self.holder = name, holder


class _Undefined(jinja2.StrictUndefined):
    """Raises `UndefinedName`."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: object = missing,
        name: str | None = None,
        exc: type[jinja2.TemplateRuntimeError] = jinja2.UndefinedError,
    ) -> None:
        super().__init__(hint, obj, name, exc)
        if hint is None and isinstance(name, str) and exc is jinja2.UndefinedError:
            holder = None if obj is missing else obj
            raising = partial(UndefinedName, name=name, holder=holder)
            self._undefined_exception = raising  # type: ignore[assignment]  # jinja2 only calls it


class _Names(Context):
    """The names of one template; the environment notes which of them are read."""

    def resolve_or_missing(self, key: str) -> Any:
        """A name's value."""
        self.environment.names_read.add(key)  # type: ignore[attr-defined]  # a Sandbox
        return super().resolve_or_missing(key)


class Sandbox(ImmutableSandboxedEnvironment):
    """jinja2's sandbox over a source; every template is compiled once, or read from `bytecode`."""

    code_generator_class = ChargedCode
    context_class = _Names
    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))

    def __init__(
        self,
        source: Source,
        extensions: tuple[type[Extension], ...] = (),
        bytecode: jinja2.BytecodeCache | None = None,
    ) -> None:
        super().__init__(
            loader=Loader(source, alone=bool(extensions)),
            extensions=extensions,
            undefined=_Undefined,
            autoescape=False,
            keep_trailing_newline=True,
            cache_size=-1,
            auto_reload=False,
            optimized=False,
            bytecode_cache=bytecode,
        )
        self._source = source
        self.compiles_large = True
        self.budget = Budget()
        self.names_read: set[str] = set()  # by the rendering
        self.looked_up: set[str] = set()  # paths of included templates, whether there is one or not; likewise
        self.enter = self.budget.charge
        self.concat: Callable[[Iterable[str]], str] = self._concat
        self.filters = {
            **{name: self._charged(name, self.filters[name], cost) for name, cost in FILTERS.items()},
            _COUNTED: self._counted,
            _TESTED: self._tested,
        }
        self.tests = {
            **{name: self.tests[name] for name in FREE_TESTS},
            **{name: self._charged(name, self.tests[name], None) for name in TESTS},
        }

    def begin(self) -> None:
        """Start another rendering."""
        self.budget.begin()
        self.names_read.clear()
        self.looked_up.clear()

    def join_path(self, template: str, parent: str) -> str:
        """The path of an included name, beside the including template or in a parent folder."""
        self.budget.step()
        self.budget.charge(_INCLUDE)
        return included_path(self._source, template, parent, self.looked_up)

    def compile(self, source: Any, name: str | None = None, *rest: Any, **more: Any) -> Any:
        """A template's code. Raises `TemplateSyntaxError` for one that Python could not compile soon."""
        try:
            return super().compile(source, name, *rest, **more)
        except (RecursionError, MemoryError, SyntaxError):
            raise jinja2.TemplateSyntaxError("expressions or blocks are nested too deeply", 1, name) from None
        except TooMuchCode:
            message = f"the template compiles to more than {MAX_CODE} pieces of code"
            raise jinja2.TemplateSyntaxError(message, 1, name) from None

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """A call in a template, counted and charged. Raises `OverBudget` for what is not available."""
        budget = self.budget
        budget.step()
        budget.charge(NODE + ITEM * (len(args) + len(kwargs)))
        if type(obj) is LoopContext and args:
            args = (self._counted(args[0]), *args[1:])
        else:
            args = charge_call(budget, obj, args, kwargs)
        return budget.made(super().call(context, obj, *args, **kwargs), "the call")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An arithmetic operator, refused if the result would be huge."""
        charge_operator(self.budget, operator, left, right)
        made = super().call_binop(context, operator, left, right)
        return self.budget.made(made, operator) if isinstance(made, str) else made

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """`str.format`, sandboxed and charged."""
        return format_method(self, self.budget, value)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`."""
        if type(argument) is tuple:  # it is hashed
            self.budget.read(argument, 4)
        return super().getitem(obj, argument)

    def shown(self, value: Any) -> str:
        """The text of a value."""
        if type(value) is str:
            self.budget.charge(len(value))
            return value
        self.budget.read(value, 4)
        return str(value)

    def compared(self, value: Any) -> Any:
        """A side of a comparison, or a key."""
        self.budget.read(value, 4)
        return value

    def sliced(self, value: Any) -> Any:
        """What a slice copies."""
        if isinstance(value, str):
            self.budget.charge(len(value))
        elif isinstance(value, list | tuple):
            self.budget.charge(NODE * len(value))
        return value

    def joined(self, context: Context, items: tuple[Any, ...]) -> str:
        """`a ~ b`."""
        self.budget.read(items)
        sizes = (len(item) for item in items if isinstance(item, str))
        self.budget.making(sum(sizes), "~")
        if context.eval_ctx.autoescape:
            return markup_join(items)
        return str(self.budget.made("".join(map(str, items)), "~"))

    def _concat(self, pieces: Iterable[str]) -> str:
        """The text of a block, a macro or a `set`."""
        texts, size = [], 0
        for piece in pieces:
            texts.append(piece)
            size += len(piece)
            if size > MAX_OUTPUT:
                raise OverBudget(f"a text of more than {MAX_OUTPUT} characters")
        self.budget.making(size, "a block")
        return "".join(texts)

    def _charged(self, name: str, function: Any, cost: Cost | None) -> Callable[..., Any]:
        budget = self.budget
        first = int(hasattr(function, "jinja_pass_arg"))
        whole, weight = name in AT_ONCE, WEIGHTS.get(name, 1)

        @wraps(function)
        def charged(*args: Any, **kwargs: Any) -> Any:
            budget.charge(_FILTER)
            if whole and len(args) > first:
                args = (*args[:first], at_once(budget, args[first]), *args[first + 1 :])
            given = args[first:]
            for value in given:
                budget.read(value, weight)
            for value in kwargs.values():
                budget.read(value, weight)
            if cost is not None:
                cost(budget, given, kwargs)
            return budget.made(function(*args, **kwargs), name)

        return charged

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        self.compiles_large = len(source) > SMALL
        if "for" not in source:
            return tree  # walking the tree costs more than building it
        for loop in reached(tree):
            if not isinstance(loop, nodes.For):
                continue
            line = loop.iter.lineno
            loop.iter = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=line)
            if loop.test is not None:
                cost = nodes.Const(NODE * weight(loop.test), lineno=line)
                loop.test = nodes.Filter(loop.test, _TESTED, [cost], [], None, None, lineno=line)
        return tree

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        if len(source) <= MAX_TOKENS:
            return super()._tokenize(source, name, filename, state)
        if _DIGITS.search(source):
            raise jinja2.TemplateSyntaxError(f"a number of more than {MAX_TOKENS} digits", 1, name)
        stream = super()._tokenize(source, name, filename, state)
        return TokenStream(_few(stream, name), name, filename)

    def _counted(self, value: Any, cost: int = NODE) -> list[Any]:
        """What a loop goes through."""
        if hasattr(value, "__len__"):
            self.budget.step(len(value))
            return self.budget.items(value)
        out = []
        for item in value:
            self.budget.step()
            out.append(item)
        return out

    def _tested(self, value: Any, cost: int) -> Any:
        """The result of a loop's `if`, charged."""
        self.budget.charge(cost)
        return value


def _few(stream: TokenStream, name: str | None) -> Iterator[Token]:
    """The tokens, unless there are too many."""
    for number, token in enumerate(stream):
        if number > MAX_TOKENS:
            message = f"the template has more than {MAX_TOKENS} words and signs"
            raise jinja2.TemplateSyntaxError(message, token.lineno, name)
        yield token
