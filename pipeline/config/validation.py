"""From a document to a model, or to problems with position, key and remedy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from pipeline.errors import ConfigError, Problem
from pipeline.util.suggest import did_you_mean, dotted

from .base import Mistake
from .yaml import KeyPath, Positions, YamlDocument, YamlProblem, load

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)

_MESSAGES = {
    "extra_forbidden": "is not a known key",
    "missing": "is missing",
    "model_type": "a mapping (key: value) is expected",
    "model_attributes_type": "a mapping (key: value) is expected",
    "dict_type": "a mapping (key: value) is expected",
    "mapping_type": "a mapping (key: value) is expected",
    "tuple_type": "a list is expected",
    "list_type": "a list is expected",
    "string_type": "a text is expected",
    "union_tag_not_found": "type is missing",
    "bool_parsing": "true or false is expected",
    "bool_type": "true or false is expected",
    "int_parsing": "a whole number is expected",
    "too_short": "the list is empty",
    "date_from_datetime_parsing": "is not a day of the calendar (YYYY-MM-DD)",
    "date_parsing": "is not a day of the calendar (YYYY-MM-DD)",
}


def validate(
    model: type[M], value: object, path: str, document: YamlDocument | None = None
) -> tuple[M | None, list[Problem]]:
    """The model, or None and every problem in the value; nothing is raised."""
    try:
        return model.model_validate({} if value is None else value), []
    except ValidationError as error:
        positions = document.positions() if document else None
        errors = error.errors(include_url=False)
        parents = {e["loc"][:n] for e in errors for n in range(len(e["loc"]))}
        # a list whose only element is wrong is reported as too short as well
        errors = [e for e in errors if not (e["type"] == "too_short" and e["loc"] in parents)]
        return None, [_problem(model, e, path, positions) for e in errors]


def validate_document(model: type[M], document: YamlDocument) -> tuple[M | None, list[Problem]]:
    """As `validate`, with the position of every problem in the document."""
    return validate(model, document.value, document.path, document)


def read_document(model: type[M], content: bytes, path: str, hint: str) -> M:
    """The model of a file's content. Raises ConfigError with every problem, and `hint`."""
    try:
        document = load(content, path)
    except YamlProblem as error:
        raise ConfigError([error.problem]) from None
    validated, problems = validate_document(model, document)
    if validated is None:
        raise ConfigError(problems, hint=hint)
    return validated


def _problem(model: type[BaseModel], error: ErrorDetails, path: str, positions: Positions | None) -> Problem:
    location: KeyPath = tuple(step for step in error["loc"] if step != "[key]")
    fault = error.get("ctx", {}).get("error")
    if isinstance(fault, Mistake):
        location = (*location, *fault.place)
    of_key = error["type"] == "extra_forbidden" or "[key]" in error["loc"]
    line, column = positions.of(_present(location, positions), key=of_key) if positions else (0, 0)
    message, suggestion = _message(model, error, location)
    return Problem(path, line, column, dotted(location), message, suggestion)


def _message(model: type[BaseModel], error: ErrorDetails, location: KeyPath) -> tuple[str, str | None]:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        known = _keys_at(model, location[:-1])
        listed = f"known: {', '.join(sorted(known))}" if known else None
        return _MESSAGES[kind], did_you_mean(str(location[-1]), known) or listed
    if kind in ("literal_error", "enum"):
        allowed = str(context["expected"]).replace("'", "").replace(" or ", ", ")
        message = f"{str(error['input'])[:60]!r} is not one of: {allowed}"
        return message, did_you_mean(str(error["input"]), allowed.split(", "))
    if kind == "union_tag_invalid":
        allowed = str(context["expected_tags"]).replace("'", "")
        message = f"type is {str(context['tag'])[:60]!r}, not one of: {allowed}"
        return message, did_you_mean(str(context["tag"]), allowed.split(", "))
    if kind in _MESSAGES:
        return _MESSAGES[kind], None
    message = error["msg"].removeprefix("Value error, ")
    return message if message[:2].isupper() else message[:1].lower() + message[1:], None


def _present(location: KeyPath, positions: Positions) -> KeyPath:
    """The location without the steps that pydantic adds for its own types and the text does not have."""
    out: KeyPath = ()
    for step in location:
        if (*out, step) in positions.values or step == location[-1]:
            out = (*out, step)
    return out


_Models = tuple[type[BaseModel], ...]


def _keys_at(model: type[BaseModel], location: KeyPath) -> set[str]:
    """The keys that are known at a location in a model."""
    models: _Models = (model,)
    in_mapping = False  # whether the next step is a name of a mapping
    for step in location:
        if isinstance(step, int):
            continue
        if in_mapping:
            in_mapping = False
            continue
        if len(models) > 1:  # a union: the step is the `type` of one of them
            models = tuple(m for m in models if _type_of(m) == step)
            continue
        field = next((f for name, f in _fields(models) if step in (name, f.alias)), None)
        if field is None:
            return set()
        in_mapping = _is_mapping(field.annotation)
        models = models_in(field.annotation)
    return {field.alias or name for name, field in _fields(models)}


def _fields(models: _Models) -> Iterator[tuple[str, FieldInfo]]:
    if len(models) == 1:
        yield from models[0].model_fields.items()


def _is_mapping(annotation: object) -> bool:
    return get_origin(annotation) is dict or any(map(_is_mapping, get_args(annotation)))


def _type_of(model: type[BaseModel]) -> str | None:
    """The literal of a model's `type`, which distinguishes it from the others of a union."""
    field = model.model_fields.get("type")
    return str(get_args(field.annotation)[0]) if field else None


def models_in(annotation: object) -> _Models:
    """The models in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    return tuple(dict.fromkeys(model for inner in get_args(annotation) for model in models_in(inner)))
