"""The environment of templates: sandboxed, strict, and with counted steps, so that every template ends.

Steps are counted, not seconds, so that every machine refuses the same templates.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from ..source import Source
from .limits import MAX_OUTPUT, MAX_STEPS
from .lookup import included_path, template_text

_COUNTED = "lockage_counted"


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


class Sandbox(ImmutableSandboxedEnvironment):
    """jinja2's sandbox over a source; every template is compiled once, or read from `bytecode`."""

    intercepted_binops = frozenset(("*", "**"))

    def __init__(
        self,
        source: Source,
        extensions: tuple[type[Extension], ...] = (),
        bytecode: jinja2.BytecodeCache | None = None,
    ) -> None:
        super().__init__(
            loader=_Loader(source),
            extensions=extensions,
            undefined=_Undefined,
            autoescape=False,
            keep_trailing_newline=True,
            cache_size=-1,
            auto_reload=False,
            bytecode_cache=bytecode,
        )
        self.filters[_COUNTED] = self._counted
        self._source = source
        self._steps = 0

    def begin(self) -> None:
        """Start counting: called before each rendering."""
        self._steps = 0

    def join_path(self, template: str, parent: str) -> str:
        """The path of an included name, beside the including template or in a parent folder."""
        return included_path(self._source, template, parent)

    def call(self, context: Any, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """A call in a template, counted."""
        self._step(1)
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """`*` and `**`, refused if the result would be huge."""
        sizes = [
            len(v) if isinstance(v, str | list | tuple) else abs(v) for v in (left, right) if _measurable(v)
        ]
        if len(sizes) == 2:
            huge = sizes[0] * sizes[1] > MAX_OUTPUT if operator == "*" else sizes[1] > 64
            if huge and not (operator == "*" and isinstance(left, int) and isinstance(right, int)):
                raise SecurityError(f"the result of {operator} is too large")
        return super().call_binop(context, operator, left, right)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        if "for" not in source:
            return tree  # walking the tree costs more than building it
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=loop.iter.lineno)
        return tree

    def _counted(self, value: Any) -> list[Any]:
        out = []
        for item in value:
            self._step(1)
            out.append(item)
        return out

    def _step(self, count: int) -> None:
        self._steps += count
        if self._steps > MAX_STEPS:
            raise SecurityError(f"more than {MAX_STEPS} loop turns and calls")


class _Loader(jinja2.BaseLoader):
    def __init__(self, source: Source) -> None:
        self._source = source

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        text = template_text(self._source, template)
        if text is None:
            raise jinja2.TemplateNotFound(template)
        return text, template, None


def _measurable(value: Any) -> bool:
    return isinstance(value, str | list | tuple | int)
