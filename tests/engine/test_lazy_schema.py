"""Requests built on a lazy schema are those that the whole schema gives."""

from __future__ import annotations

import pytest
from gql.dsl import DSLInlineFragment, DSLQuery, DSLSchema, dsl_gql
from gql.utilities import build_client_schema
from graphql import GraphQLSchema, build_schema, introspection_from_schema, print_ast

from pipeline.engine.sdk.lazy_schema import LazySchema, condensed

_API = build_schema(
    """
    scalar Platform
    enum Sharing { SHARED LOCKED }
    input Label { name: String!, value: String, order: [Int!] }
    interface Node { id: ID! }
    type Layer implements Node { id: ID!, size(unit: String): Int! }
    type Image implements Node {
        id: ID!
        layers(from: [ID!]!, sharing: Sharing): [Layer!]!
        labelled(labels: [Label!], platform: Platform = "linux/amd64"): Image!
    }
    type Query { node(id: ID!): Node, image(id: ID, privileged: Boolean, share: Float): Image! }
    """
)


def _request(schema: GraphQLSchema) -> str:
    ds = DSLSchema(schema)
    labelled = ds.Image.labelled(
        labels=[{"name": "a", "value": 'two "words"', "order": [1]}, {"name": "b", "value": None}],
        platform="linux/arm64",
    )
    layers = ds.Image.layers(**{"from": ["1", "x"], "sharing": "LOCKED"}).select(
        size=ds.Layer.size(unit="MB")
    )
    image = ds.Query.image(id="sha256:1", privileged=True, share=0.5).select(labelled.select(layers))
    node = ds.Query.node(id="7").select(DSLInlineFragment().on(ds.Layer).select(ds.Layer.id))
    return print_ast(dsl_gql(DSLQuery(image, node=node)).document)


def test_a_request_is_the_same() -> None:
    introspection = introspection_from_schema(_API)
    lazy = _request(LazySchema(condensed(introspection)))
    assert lazy == _request(build_client_schema(introspection))
    assert "sharing: LOCKED" in lazy and "... on Layer" in lazy and "order: [1]" in lazy


def test_what_is_not_in_it_is_refused() -> None:
    ds = DSLSchema(LazySchema(condensed(introspection_from_schema(_API))))
    with pytest.raises(AttributeError, match="'Nobody' not found"):
        _ = ds.Nobody
    with pytest.raises(AttributeError, match="nothing"):
        _ = ds.Image.nothing
    with pytest.raises(KeyError):
        ds.Image.layers(unknown=1)


@pytest.mark.parametrize("types", [{}, {"Query": ["SCALAR", None]}])
def test_without_a_root_there_is_no_schema(types: dict[str, list[object]]) -> None:
    with pytest.raises((KeyError, TypeError)):
        LazySchema(types)
