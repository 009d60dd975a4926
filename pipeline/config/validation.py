"""From a document to a model, or to problems that name the place, the key and the way out."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pipeline.errors import Problem
from pipeline.util.suggest import did_you_mean, dotted

from .yaml import Document, KeyPath, Positions

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
    model: type[M], value: Any, path: str, document: Document | None = None
) -> tuple[M | None, list[Problem]]:
    """The model, or None and every problem in the value; nothing is raised."""
    try:
        return model.model_validate({} if value is None else value), []
    except ValidationError as error:
        positions = document.positions() if document else None
        errors = error.errors(include_url=False)
        inside = {e["loc"][:n] for e in errors for n in range(len(e["loc"]))}
        # a list whose only element is wrong is reported as too short as well
        errors = [e for e in errors if not (e["type"] == "too_short" and e["loc"] in inside)]
        return None, [_problem(model, e, path, positions) for e in errors]


def validate_document(model: type[M], document: Document) -> tuple[M | None, list[Problem]]:
    """As `validate`, with the place of every problem in the document."""
    return validate(model, document.value, document.path, document)


def _problem(model: type[BaseModel], error: Any, path: str, positions: Positions | None) -> Problem:
    loc = tuple(step for step in error["loc"] if step != "[key]")
    kind = error["type"]
    of_key = kind == "extra_forbidden" or "[key]" in error["loc"]
    line, column = positions.of(_present(loc, positions), key=of_key) if positions else (0, 0)
    suggestion = None
    message = _MESSAGES.get(kind)
    if kind == "extra_forbidden":
        known = _keys_at(model, loc[:-1])
        suggestion = did_you_mean(str(loc[-1]), known) or (
            f"known: {', '.join(sorted(known))}" if known else None
        )
    elif kind in ("literal_error", "enum"):
        expected = str(error["ctx"]["expected"]).replace("'", "")
        message = f"{str(error['input'])[:60]!r} is not one of: {expected.replace(' or ', ', ')}"
        suggestion = did_you_mean(str(error["input"]), expected.replace(" or ", ", ").split(", "))
    elif kind == "union_tag_invalid":
        kinds = str(error["ctx"]["expected_tags"]).replace("'", "")
        message = f"type is {str(error['ctx']['tag'])[:60]!r}, not one of: {kinds}"
        suggestion = did_you_mean(str(error["ctx"]["tag"]), kinds.split(", "))
    elif message is None:
        message = error["msg"].removeprefix("Value error, ")
        message = message[:1].lower() + message[1:] if not message[:2].isupper() else message
    return Problem(path, line, column, dotted(loc), message, suggestion)


def _present(loc: KeyPath, positions: Positions) -> KeyPath:
    """The location without the steps that pydantic adds for its own types and the text does not have."""
    out: KeyPath = ()
    for step in loc:
        if (*out, step) in positions.values or step == loc[-1]:
            out = (*out, step)
    return out


def _keys_at(model: Any, loc: KeyPath) -> set[str]:
    """The keys that are known at a place in a model."""
    names = False  # whether the next step is a name of a mapping
    for step in loc:
        if isinstance(step, int):
            continue
        if names:
            names = False
            continue
        if not isinstance(model, type):  # one of several: the step says which
            model = next((m for m in model if _literal(m) == step), None)
            continue
        fields = _fields(model)
        field = next((f for name, f in fields.items() if step in (name, f.alias)), None)
        names = field is not None and _is_mapping(field.annotation)
        model = _model_in(field.annotation) if field else None
        if model is None:
            return set()
    return {f.alias or name for name, f in _fields(model).items()}


def _fields(model: Any) -> dict[str, Any]:
    return getattr(model, "model_fields", {})


def _is_mapping(annotation: Any) -> bool:
    inner = getattr(annotation, "__args__", ())
    return getattr(annotation, "__origin__", None) is dict or any(map(_is_mapping, inner))


def _literal(model: Any) -> str | None:
    """What tells a model from others in its place."""
    field = _fields(model).get("type")
    return field.annotation.__args__[0] if field else None


def _model_in(annotation: Any) -> Any:
    """The model in an annotation; a tuple where there are several."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = dict.fromkeys(
        model for inner in getattr(annotation, "__args__", ()) if (model := _model_in(inner)) is not None
    )
    return next(iter(found)) if len(found) == 1 else tuple(found) or None
