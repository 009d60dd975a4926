"""The schema of the engine's API: fetched once for each engine and CLI, and again where what was kept is damaged."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from gql import Client
from gql.transport.local_schema import LocalSchemaTransport
from graphql import GraphQLSchema, build_schema

from pipeline.engine.sdk.schema import provide


def served(version: str, field: str) -> GraphQLSchema:
    """An API that answers with its version, and has one field beside."""
    schema = build_schema(f"type Query {{ version: String!, {field}: Int }}")
    assert schema.query_type
    schema.query_type.fields["version"].resolve = lambda *_: version
    return schema


def provided(schema: GraphQLSchema, folder: Path, cli: str = "dagger 1") -> set[str]:
    """The fields that a new session with this API knows."""

    async def connect() -> set[str]:
        client = Client(transport=LocalSchemaTransport(schema), fetch_schema_from_transport=False)
        async with client as session:
            await provide(client, session, folder, cli)
        assert client.schema and client.schema.query_type
        return set(client.schema.query_type.fields)

    return anyio.run(connect)


def test_another_session_with_the_same_engine_and_cli_does_not_fetch_it(tmp_path: Path) -> None:
    assert provided(served("v1", "one"), tmp_path / "schemas") == {"version", "one"}
    assert provided(served("v1", "other"), tmp_path / "schemas") == {"version", "one"}


def test_another_engine_or_cli_has_a_schema_of_its_own(tmp_path: Path) -> None:
    provided(served("v1", "one"), tmp_path)
    assert provided(served("v2", "two"), tmp_path) == {"version", "two"}
    assert provided(served("v1", "three"), tmp_path, "dagger 2") == {"version", "three"}
    assert provided(served("v1", "four"), tmp_path) == {"version", "one"}


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"__schema": 1}', '{"__schema": {"types": []}}', "\udcff"]
)
def test_a_damaged_file_is_replaced(damage: str, tmp_path: Path) -> None:
    provided(served("v1", "one"), tmp_path)
    [kept] = tmp_path.iterdir()
    kept.write_text(damage, errors="surrogateescape")
    assert provided(served("v1", "two"), tmp_path) == {"version", "two"}
    assert provided(served("v1", "three"), tmp_path) == {"version", "two"}


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "schemas").write_text("a file")
    assert provided(served("v1", "one"), tmp_path / "schemas") == {"version", "one"}
