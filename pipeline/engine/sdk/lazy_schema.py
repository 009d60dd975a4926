"""A schema of GraphQL whose types are made when they are first needed: of an engine's hundred, a run needs twenty.

It is for building requests, and validates nothing. What it is made of is the part of an introspection that this takes
(GraphQL specification, October 2021, section 4.2), with types in their notation: `[String!]!`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    specified_scalar_types,
)

ROOT = "Query"
_OBJECT, _INTERFACE, _INPUT, _ENUM, _SCALAR = "OBJECT", "INTERFACE", "INPUT_OBJECT", "ENUM", "SCALAR"


def condensed(introspection: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What a `LazySchema` needs of an introspection: kind and parts of each type. Raises KeyError, TypeError."""
    types = {}
    for given in introspection["__schema"]["types"]:
        name, kind = given["name"], given["kind"]
        if name.startswith("__"):
            continue
        parts: Any = None
        if kind in (_OBJECT, _INTERFACE):
            parts = {f["name"]: [_notation(f["type"]), _inputs(f["args"])] for f in given["fields"]}
        elif kind == _INPUT:
            parts = _inputs(given["inputFields"])
        elif kind == _ENUM:
            parts = [value["name"] for value in given["enumValues"]]
        types[name] = [kind, parts]
    return types


def _inputs(given: list[Any]) -> dict[str, str]:
    return {one["name"]: _notation(one["type"]) for one in given}


def _notation(given: Mapping[str, Any]) -> str:
    match given["kind"]:
        case "NON_NULL":
            return f"{_notation(given['ofType'])}!"
        case "LIST":
            return f"[{_notation(given['ofType'])}]"
        case _:
            return str(given["name"])


class LazySchema(GraphQLSchema):
    """The schema of what `condensed` gives. Raises KeyError, TypeError without a root type."""

    def __init__(self, types: Mapping[str, list[Any]]) -> None:
        super().__init__(assume_valid=True)
        self._types = types
        self._made: dict[str, GraphQLNamedType] = dict(specified_scalar_types)
        root = self._named(ROOT)
        if not isinstance(root, GraphQLObjectType):
            raise TypeError(f"{ROOT} is no object")
        self.query_type = root

    def get_type(self, name: str) -> GraphQLNamedType | None:
        """A type by its name."""
        return self._named(name) if name in self._types else None

    def _named(self, name: str) -> GraphQLNamedType:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> GraphQLNamedType:
        kind, parts = self._types[name]
        match kind:
            case "OBJECT":
                return GraphQLObjectType(name, lambda: self._fields(parts))
            case "INTERFACE":
                return GraphQLInterfaceType(name, lambda: self._fields(parts))
            case "INPUT_OBJECT":
                return GraphQLInputObjectType(
                    name, lambda: {n: GraphQLInputField(self._type(text)) for n, text in parts.items()}
                )
            case "ENUM":
                return GraphQLEnumType(name, {value: GraphQLEnumValue(value) for value in parts})
            case "SCALAR":
                return GraphQLScalarType(name)
            case _:
                raise TypeError(f"{name} is of a kind that requests do not have: {kind}")

    def _fields(self, parts: Mapping[str, Any]) -> dict[str, GraphQLField]:
        return {
            name: GraphQLField(
                self._type(text), {n: GraphQLArgument(self._type(given)) for n, given in arguments.items()}
            )
            for name, (text, arguments) in parts.items()
        }

    def _type(self, text: str) -> Any:
        if text.endswith("!"):
            return GraphQLNonNull(self._type(text[:-1]))
        return GraphQLList(self._type(text[1:-1])) if text.startswith("[") else self._named(text)
