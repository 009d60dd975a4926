"""The schema of the engine's API, kept from session to session.

The SDK fetches it for each session, and an engine computes each answer anew: a third of a second of processor time.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.util.files import replace_file

if TYPE_CHECKING:
    from gql.client import AsyncClientSession, Client

_VERSION = "{ version }"
_UNUSED = {"descriptions": False, "directive_is_repeatable": False}


async def provide(client: Client, session: AsyncClientSession, folder: Path, cli: str) -> None:
    """Give an open session the schema that this engine and this CLI had last time, or fetch and keep it in `folder`.

    An engine serves what its version and the CLI's have in common. Raises TransportError.
    """
    from gql import GraphQLRequest
    from gql.utilities import build_client_schema

    version = (await session.execute(GraphQLRequest(_VERSION)))["version"]
    place = folder / f"{hashlib.sha256(json.dumps([version, cli]).encode()).hexdigest()[:24]}.json"
    with suppress(
        OSError, ValueError, KeyError, TypeError
    ):  # whatever is wrong with the file, it is written anew
        client.schema = build_client_schema(json.loads(place.read_bytes()))
        return
    found = await _fetch(session)
    client.schema = build_client_schema(json.loads(found))
    with suppress(OSError):  # the next session fetches it
        replace_file(place, found, mode=0o600)


async def _fetch(session: AsyncClientSession) -> str:
    from gql import GraphQLRequest
    from gql.utilities import get_introspection_query_ast

    answer: dict[str, Any] = await session.execute(GraphQLRequest(get_introspection_query_ast(**_UNUSED)))
    return json.dumps(answer, separators=(",", ":"))
