"""Templates: the one that a tag uses, and its rendering.

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
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.errors import Problem
from pipeline.util.suggest import did_you_mean, nearest, suggest

from ..definition import Definition, Explicit
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
class TemplateNames:
    """The names of a tag's template. The order is: `explicit`, `of_variant`, `inherited`, `default`."""

    explicit: Explicit | None  # the variant's own; without a variant, the tag's or image's
    of_variant: str | None
    inherited: Explicit | None
    default: str

    @property
    def every(self) -> tuple[str, ...]:
        """All of them."""
        names = (
            self.explicit and self.explicit.name,
            self.of_variant,
            self.inherited and self.inherited.name,
            self.default,
        )
        return tuple(name for name in names if name)


def dockerfile_names(definition: Definition) -> TemplateNames:
    """The names of a Dockerfile's template."""
    own, variant = definition.template, definition.variant
    of_variant = f"Dockerfile.{variant}.tmpl" if variant else None
    return TemplateNames(own, of_variant, definition.inherited_template, "Dockerfile.tmpl")


def structure_test_names(definition: Definition) -> TemplateNames:
    """The names of a structure test's template."""
    own, variant = definition.test_template, definition.variant
    of_variant = f"test.{variant}.yml.tpl" if variant else None
    return TemplateNames(own, of_variant, definition.inherited_test_template, "test.yml.tpl")


def find_dockerfile(source: Source, definition: Definition) -> str:
    """The Dockerfile template of a tag, each name in the most specific folder first. Raises `TemplateProblem`."""
    names = dockerfile_names(definition)
    path = _find(source, definition, names)
    if path is None:
        missing = (
            f"neither {names.of_variant} nor {names.default}" if names.of_variant else f"no {names.default}"
        )
        message = f"{definition.name} has no template: {missing} in {_folders(definition)}"
        raise TemplateProblem(definition.position.problem(message))
    return path


def find_test(source: Source, definition: Definition) -> str | None:
    """The structure test's template of a tag, likewise; None if there is none. Raises `TemplateProblem`."""
    return _find(source, definition, structure_test_names(definition))


def _find(source: Source, definition: Definition, names: TemplateNames) -> str | None:
    if names.explicit:
        return _explicit(source, definition, names.explicit)
    if names.of_variant and (path := _most_specific(source, definition, names.of_variant)):
        return path
    if names.inherited:
        return _explicit(source, definition, names.inherited)
    return _most_specific(source, definition, names.default)


def _explicit(source: Source, definition: Definition, explicit: Explicit) -> str:
    path = _most_specific(source, definition, explicit.name)
    if path is None:
        known = [name for folder in definition.folders for name in source.children(folder)]
        message = f"there is no {explicit.name} in {_folders(definition)}"
        raise TemplateProblem(explicit.position.problem(message, did_you_mean(explicit.name, known)))
    return path


def _most_specific(source: Source, definition: Definition, name: str) -> str | None:
    paths = (f"{folder}/{name}" for folder in reversed(definition.folders))
    return next((path for path in paths if source.get(path) is not None), None)


def _folders(definition: Definition) -> str:
    return " or ".join(f"{folder}/" for folder in reversed(definition.folders))


class Renderer:
    """Renders the templates of one source; every template is compiled once. `bytecode` keeps compiled templates
    for other renderers without `extensions`."""

    def __init__(
        self,
        source: Source,
        extensions: tuple[type[Extension], ...] = (),
        bytecode: BytecodeCache | None = None,
    ) -> None:
        self.source = source
        self._extensions = extensions
        self._bytecode = None if extensions else bytecode
        self._environment: Sandbox | None = None
        self._work = self._output = 0
        self._refused: dict[str, Problem] = {}  # templates beyond a limit: the next tag would be as well

    def render(self, path: str, context: Mapping[str, object], subject: str) -> str:
        """The text for one context. `subject` (`python:3.11.2`) is named in problems.

        Raises `TemplateProblem` with the template's file and line, through includes as well.
        """
        refused = self._refused.get(path) or self._refused.get(_EVERY)
        if refused is not None:
            raise TemplateProblem(replace(refused, subject=subject))
        try:
            text = self._render(path, context, subject)
        finally:
            if self._environment is not None:
                self._work += self._environment.budget.work
        self._output += len(text)
        if self._work > MAX_ALL_WORK or self._output > MAX_ALL_OUTPUT:
            message = (
                f"the templates of the catalogue take more than {MAX_ALL_WORK // 1_000_000} million units of work"
                f" or make more than {MAX_ALL_OUTPUT // 1024 // 1024} MiB of text"
            )
            raise TemplateProblem(self._refuse(_EVERY, Problem(path, 0, 0, "", message, None, subject)))
        return text

    def _refuse(self, path: str, problem: Problem) -> Problem:
        self._refused[path] = problem
        return problem

    def _render(self, path: str, context: Mapping[str, object], subject: str) -> str:
        import jinja2

        from .budget import OverBudget
        from .lookup import Unreadable, includable
        from .sandbox import Sandbox

        if self._environment is None:
            self._environment = Sandbox(self.source, self._extensions, self._bytecode)
        self._environment.budget.begin()
        try:
            template = self._environment.get_template(path)
            out, size = [], 0
            for piece in template.generate(context):
                out.append(piece)
                size += len(piece)
                if size > MAX_OUTPUT:
                    message = f"the rendered text is larger than {MAX_OUTPUT // 1024} KiB"
                    raise TemplateProblem(self._refuse(path, Problem(path, 0, 0, "", message, None, subject)))
            return "".join(out)
        except jinja2.TemplateSyntaxError as error:
            message = str(error.message)
            suggestion = _filter_or_test(message, self._environment) or _raw_block(message)
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
            suggestion = suggestion or _filter_or_test(str(error), self._environment)
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
