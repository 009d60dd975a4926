"""Templates: which one a tag uses, and what it renders to.

A template sees exactly these names:

    image      the image's name                       python
    tag        the tag, with the variant's suffix     3.11.2-dev
    base_tag   the tag without it                     3.11.2
    variant    the variant's name, or none            dev
    versions   merged versions, always texts          versions.python
    variables  merged variables                       variables.packages

Templates are sandboxed, undefined names are errors at their template line, nothing is escaped. `{% include %}`
and `{% extends %}` look beside the template that names them, then upwards to `images/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.errors import Problem
from pipeline.util.suggest import did_you_mean, nearest, suggest

from ..definition import Definition, Explicit
from ..source import Source

# jinja2 has no field for either name
_NO_FILTER_OR_TEST = re.compile(r"No (filter|test) named '(.*?)'(?: found)?\.")

if TYPE_CHECKING:
    from jinja2 import BytecodeCache
    from jinja2.ext import Extension

    from .sandbox import Sandbox


class TemplateProblem(Exception):
    """A template could not be read or rendered; `problem` has its file and line."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def find_dockerfile(source: Source, definition: Definition) -> str:
    """The Dockerfile template of a tag: explicit, else `Dockerfile.{variant}.tmpl`, else `Dockerfile.tmpl`.

    Explicit is what the variant itself says; a `template` that it inherits from tag or image stands in for
    `Dockerfile.tmpl`. Each name is looked for in the most specific folder first, then upwards.
    Raises `TemplateProblem`.
    """
    found = _find(
        source, definition, definition.template, definition.inherited_template, "Dockerfile", ".tmpl"
    )
    if found is None:
        names = (
            f"Dockerfile.{definition.variant}.tmpl nor Dockerfile.tmpl"
            if definition.variant
            else "Dockerfile.tmpl"
        )
        message = f"no template: neither {names}" if definition.variant else f"no template: no {names}"
        folders = " or ".join(f"{f}/" for f in reversed(definition.folders))
        raise TemplateProblem(definition.position.problem(f"{definition.name} has {message} in {folders}"))
    return found


def find_test(source: Source, definition: Definition) -> str | None:
    """The structure test's template: explicit, else `test.{variant}.yml.tpl`, else `test.yml.tpl`, else none."""
    return _find(
        source, definition, definition.test_template, definition.inherited_test_template, "test", ".yml.tpl"
    )


def _find(
    source: Source,
    definition: Definition,
    own: Explicit | None,
    inherited: Explicit | None,
    stem: str,
    end: str,
) -> str | None:
    if own:
        return _explicit(source, definition, own)
    if definition.variant and (found := _in(source, definition, f"{stem}.{definition.variant}{end}")):
        return found
    if inherited:
        return _explicit(source, definition, inherited)
    return _in(source, definition, f"{stem}{end}")


def _explicit(source: Source, definition: Definition, explicit: Explicit) -> str:
    found = _in(source, definition, explicit.name)
    if found is None:
        known = [n for f in definition.folders for n in source.children(f)]
        folders = " or ".join(f"{f}/" for f in reversed(definition.folders))
        message = f"there is no {explicit.name} in {folders}"
        raise TemplateProblem(explicit.position.problem(message, did_you_mean(explicit.name, known)))
    return found


def _in(source: Source, definition: Definition, name: str) -> str | None:
    for folder in reversed(definition.folders):
        path = f"{folder}/{name}"
        if source.get(path) is not None:
            return path
    return None


class Renderer:
    """Renders templates of one source; every template is compiled once. `bytecode` keeps what was compiled for
    other renderers without `extensions`."""

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

    def render(self, path: str, context: Mapping[str, object], subject: str) -> str:
        """The text for one context. `subject` (`python:3.11.2`) is named in problems.

        Raises `TemplateProblem` with the template's file and line, through includes as well.
        """
        import jinja2

        from .limits import MAX_OUTPUT
        from .lookup import Unreadable, includable
        from .sandbox import Sandbox

        if self._environment is None:
            self._environment = Sandbox(self.source, self._extensions, self._bytecode)
        self._environment.begin()
        try:
            template = self._environment.get_template(path)
            out, size = [], 0
            for piece in template.generate(context):
                out.append(piece)
                size += len(piece)
                if size > MAX_OUTPUT:
                    message = f"the rendered text is larger than {MAX_OUTPUT // 1024} KiB"
                    raise TemplateProblem(Problem(path, 0, 0, "", message, None, subject))
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
            raise TemplateProblem(Problem(failing, line, 1, "", message, suggestion, subject)) from None

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
    """What a template sees, as listed above."""
    return {
        "image": definition.image,
        "tag": definition.tag,
        "base_tag": definition.base_tag,
        "variant": definition.variant,
        "versions": dict(definition.versions),
        "variables": dict(definition.variables),
    }


def _filter_or_test(message: str, environment: Sandbox) -> str | None:
    """The nearest filter or test, if the message says that there is none of a name."""
    match = _NO_FILTER_OR_TEST.fullmatch(message)
    if match is None:
        return None
    known = environment.filters if match[1] == "filter" else environment.tests
    return did_you_mean(match[2], (name for name in known if not name.startswith("lockage_")))


def _raw_block(message: str) -> str | None:
    """The way out for what only looks like Jinja: a shell's ${#x}, a format such as {{.Name}}."""
    if message == "Missing end of comment tag":
        return "{# begins a comment; for a shell: {% raw %}${#x}{% endraw %}"
    if message == "unexpected '.'":
        return "for what Jinja is not to read: {% raw %}{{.Name}}{% endraw %}"
    return None


def _explain(error: Exception, context: Mapping[str, object]) -> tuple[str, str | None]:
    import jinja2

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
    return f"{type(error).__name__}: {error}", None


def _defined_name(missing: str, context: Mapping[str, object], holder: str | None) -> str | None:
    """The nearest name that is defined, in the same mapping first; all of them if none is near."""
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
