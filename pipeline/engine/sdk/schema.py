"""The schema of the engine's API, cached from session to session.

The SDK fetches it for each session, and an engine computes it each time: a third of a second of processor time.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.util.files import read_file, replace_file
from pipeline.util.private_folder import private_folder

if TYPE_CHECKING:
    from gql.client import AsyncClientSession, Client

_VERSION = "{ version }"
_UNUSED = {"descriptions": False, "directive_is_repeatable": False}


async def provide(client: Client, session: AsyncClientSession, folder: Path, cli: str) -> None:
    """Give an open session the schema in `folder` for this engine and this CLI, fetching it first if necessary.

    The schema depends on the versions of both. Raises TransportError.
    """
    from gql import GraphQLRequest
    from gql.utilities import build_client_schema

    version = (await session.execute(GraphQLRequest(_VERSION)))["version"]
    path = folder / f"{hashlib.sha256(json.dumps([version, cli]).encode()).hexdigest()[:24]}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):  # a file that cannot be read is replaced
        client.schema = build_client_schema(json.loads(read_file(path)))
        return
    schema = await _fetch(session)
    client.schema = build_client_schema(json.loads(schema))
    with suppress(OSError):  # the next session fetches it
        private_folder(folder)
        replace_file(path, schema, mode=0o600)


async def _fetch(session: AsyncClientSession) -> str:
    from gql import GraphQLRequest
    from gql.utilities import get_introspection_query_ast

    response: dict[str, Any] = await session.execute(GraphQLRequest(get_introspection_query_ast(**_UNUSED)))
    return json.dumps(response, separators=(",", ":"))
