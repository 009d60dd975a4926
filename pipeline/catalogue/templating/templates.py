"""Templates and their rendering.

A template sees exactly these names:

    image      the image's name                       python
    tag        the tag, with the variant's suffix     3.11.2-dev
    base_tag   the tag without it                     3.11.2
    variant    the variant's name, or none            dev
    versions   merged versions, always texts          versions.python
    variables  merged variables                       variables.packages

Templates are sandboxed, undefined names are errors at their template line, nothing is escaped. `{% include %}`
and `{% extends %}` search beside the including template, then upwards to `images/`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.errors import Problem
from pipeline.util.dataclass import dataclass
from pipeline.util.suggest import did_you_mean, nearest, suggest

from ..definition import Definition
from ..source import Source
from .limits import MAX_ALL_OUTPUT, MAX_ALL_WORK, MAX_OUTPUT

# jinja2 has no attribute for either name
_NO_FILTER_OR_TEST = re.compile(r"No (filter|test) named '(.*?)'(?: found)?\.")
_EVERY = ""  # the path of a problem that all templates share

if TYPE_CHECKING:
    from jinja2 import BytecodeCache
    from jinja2.ext import Extension

    from .sandbox import Sandbox


class TemplateProblem(Exception):
    """A template could not be read or rendered; `problem` has its file and line."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class RenderingUsage:
    """What renderings have taken: units of work, characters of output, and the paths where they looked up the
    templates that they include."""

    work: int = 0
    output: int = 0
    looked_up: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Made:
    text: str
    work: int
    looked_up: frozenset[str]
    context: Mapping[str, object]  # keeps the values alive, so that no id is reused


class _Earlier:
    """The renderings of one template: where the names that one has read have the same values, its text is the same."""

    def __init__(self) -> None:
        self._by_names: dict[tuple[str, ...], dict[tuple[object, ...], _Made]] = {}

    def find(self, context: Mapping[str, object]) -> _Made | None:
        """The rendering that read the same values."""
        for names, made in self._by_names.items():
            if (earlier := made.get(_values(context, names))) is not None:
                return earlier
        return None

    def keep(self, names: Iterable[str], made: _Made) -> None:
        """Keep a rendering by the names that it has read."""
        read = tuple(sorted(name for name in names if name in made.context))
        self._by_names.setdefault(read, {})[_values(made.context, read)] = made


def _values(context: Mapping[str, object], names: Iterable[str]) -> tuple[object, ...]:
    """What two contexts must have in common: equal texts, or the same values and lists in their mappings."""
    return tuple([_value(context[name]) for name in names])


def _value(value: object) -> object:
    if type(value) is dict:
        return tuple([(key, item if type(item) is str else id(item)) for key, item in value.items()])
    return value if type(value) is str else id(value)


class Renderer:
    """Renders the templates of one source; every template is compiled once, and rendered once for the same values.
    `bytecode` keeps compiled templates for other renderers without `extensions`; `spent` is what other renderings of
    the same catalogue took."""

    def __init__(
        self,
        source: Source,
        extensions: tuple[type[Extension], ...] = (),
        bytecode: BytecodeCache | None = None,
        spent: RenderingUsage | None = None,
    ) -> None:
        self.source = source
        self._extensions = extensions
        self._bytecode = None if extensions else bytecode
        self._environment: Sandbox | None = None
        self._work, self._output = (spent.work, spent.output) if spent else (0, 0)
        self._taken = self._work, self._output
        self._looked_up: set[str] = set()
        self._earlier: defaultdict[str, _Earlier] = defaultdict(_Earlier)
        self._refused: dict[str, Problem] = {}  # templates beyond a limit: the next tag would be as well

    def render(self, path: str, context: Mapping[str, object], subject: str) -> str:
        """The text for one context. `subject` (`python:3.11.2`) is named in problems.

        Raises `TemplateProblem` with the template's file and line, through includes as well.
        """
        refused = self._refused.get(path) or self._refused.get(_EVERY)
        if refused is not None:
            raise TemplateProblem(replace(refused, subject=subject))
        made = self._earlier[path].find(context) or self._made(path, context, subject)
        self._work += made.work
        self._output += len(made.text)
        self._looked_up |= made.looked_up
        if self._work > MAX_ALL_WORK or self._output > MAX_ALL_OUTPUT:
            message = (
                f"the templates of the catalogue take more than {MAX_ALL_WORK // 1_000_000} million units of work"
                f" or make more than {MAX_ALL_OUTPUT // 1024 // 1024} MiB of text"
            )
            raise TemplateProblem(self._refuse(_EVERY, Problem(path, 0, 0, "", message, None, subject)))
        return made.text

    def take_usage(self) -> RenderingUsage:
        """The usage since the last call."""
        before, self._taken = self._taken, (self._work, self._output)
        looked_up = frozenset(self._looked_up)
        self._looked_up.clear()
        return RenderingUsage(self._work - before[0], self._output - before[1], looked_up)

    def _made(self, path: str, context: Mapping[str, object], subject: str) -> _Made:
        from .sandbox import Sandbox

        if self._environment is None:
            self._environment = Sandbox(self.source, self._extensions, self._bytecode)
        environment = self._environment
        environment.begin()
        try:
            text = self._render(environment, path, context, subject)
        except TemplateProblem:
            self._work += environment.budget.work
            raise
        made = _Made(text, environment.budget.work, frozenset(environment.looked_up), context)
        self._earlier[path].keep(environment.names_read, made)
        return made

    def _refuse(self, path: str, problem: Problem) -> Problem:
        self._refused[path] = problem
        return problem

    def _render(self, environment: Sandbox, path: str, context: Mapping[str, object], subject: str) -> str:
        import jinja2

        from .budget import OverBudget
        from .lookup import Unreadable, includable

        try:
            template = environment.get_template(path)
            out, size = [], 0
            for piece in template.generate(context):
                out.append(piece)
                size += len(piece)
                if size > MAX_OUTPUT:
                    message = f"the rendered text is larger than {MAX_OUTPUT // 1024} KiB"
                    raise TemplateProblem(self._refuse(path, Problem(path, 0, 0, "", message, None, subject)))
            text = "".join(out)
            if not text.isascii():
                text.encode()
            return text
        except UnicodeEncodeError as error:
            message = f"the rendered text has a character that is not Unicode: {error.object[error.start]!r}"
            raise TemplateProblem(Problem(path, 0, 0, "", message, None, subject)) from None
        except jinja2.TemplateSyntaxError as error:
            message = str(error.message)
            suggestion = _filter_or_test(message, environment) or _raw_block(message)
            problem = Problem(error.name or path, error.lineno, 1, "", message, suggestion)
            raise TemplateProblem(problem) from None
        except jinja2.TemplateNotFound as error:
            line, including = self._line(error, path)
            message = f"there is no template {error.name}"
            name = error.name if isinstance(error.name, str) else ""
            suggestion = did_you_mean(name, includable(self.source, including))
            raise TemplateProblem(Problem(including, line, 1, "", message, suggestion)) from None
        except Unreadable as error:
            raise TemplateProblem(Problem(error.path, 0, 0, "", error.message)) from None
        except TemplateProblem:
            raise
        except Exception as error:
            line, failing = self._line(error, path)
            message, suggestion = _explain(error, context)
            suggestion = suggestion or _filter_or_test(str(error), environment)
            problem = Problem(failing, line, 1, "", message, suggestion, subject)
            if isinstance(error, OverBudget | RecursionError | MemoryError):
                self._refuse(path, problem)
            raise TemplateProblem(problem) from None

    def _line(self, error: BaseException, path: str) -> tuple[int, str]:
        """The innermost template line of a traceback that jinja2 rewrote."""
        line, innermost = 0, path
        trace = error.__traceback__
        while trace is not None:
            name = trace.tb_frame.f_code.co_filename
            if name in self.source.files:
                line, innermost = trace.tb_lineno, name
            trace = trace.tb_next
        return line, innermost


def context_of(definition: Definition) -> Mapping[str, object]:
    """The names available to a template, as listed above."""
    return {
        "image": definition.image,
        "tag": definition.tag,
        "base_tag": definition.base_tag,
        "variant": definition.variant,
        "versions": dict(definition.versions),
        "variables": dict(definition.variables),
    }


def _filter_or_test(message: str, environment: Sandbox) -> str | None:
    """The nearest filter or test, if the message reports an unknown one."""
    match = _NO_FILTER_OR_TEST.fullmatch(message)
    if match is None:
        return None
    known = environment.filters if match[1] == "filter" else environment.tests
    return did_you_mean(match[2], (name for name in known if not name.startswith("lockage_")))


def _raw_block(message: str) -> str | None:
    """A hint for text that only looks like Jinja: a shell's ${#x}, a format such as {{.Name}}."""
    if message == "Missing end of comment tag":
        return "{# begins a comment; for a shell: {% raw %}${#x}{% endraw %}"
    if message == "unexpected '.'":
        return "for what Jinja is not to read: {% raw %}{{.Name}}{% endraw %}"
    return None


def _explain(error: Exception, context: Mapping[str, object]) -> tuple[str, str | None]:
    import jinja2
    from jinja2.exceptions import SecurityError

    from .sandbox import UndefinedName

    if isinstance(error, UndefinedName):
        if error.holder is None:
            return f"{error.name} is not defined", _defined_name(error.name, context, None)
        for holder in ("versions", "variables"):
            if error.holder is context[holder]:
                message = f"{holder}.{error.name} is not defined"
                return message, _defined_name(error.name, context, holder)
    if isinstance(error, jinja2.UndefinedError):
        return str(error.message), None
    if isinstance(error, SecurityError):
        return f"SecurityError: {error}", None
    return f"{type(error).__name__}: {error}", None


def _defined_name(missing: str, context: Mapping[str, object], holder: str | None) -> str | None:
    """The nearest defined name, in the same mapping first; all of them if none is near."""
    mappings: dict[str, Mapping[str, object]] = {}
    for name in dict.fromkeys([holder or "versions", "versions", "variables"]):
        value = context[name]
        mappings[name] = value if isinstance(value, Mapping) else {}
    for name, values in mappings.items():
        if missing in values:
            return suggest(f"{name}.{missing}")
    if holder is None and (near := nearest(missing, context)):
        return suggest(near)
    for name, values in mappings.items():
        if near := nearest(missing, values):
            return suggest(f"{name}.{near}")
    known = [f"{name}.{key}" for name, values in mappings.items() for key in sorted(values)]
    return f"known: {', '.join(known)}" if known else None
