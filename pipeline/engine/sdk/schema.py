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
_FORMAT = 2


async def provide(client: Client, session: AsyncClientSession, folder: Path, cli: str) -> None:
    """Give an open session the schema in `folder` for this engine and this CLI, fetching it first if necessary.

    The schema depends on the versions of both. Raises TransportError.
    """
    from gql import GraphQLRequest

    from .lazy_schema import LazySchema, condensed

    version = (await session.execute(GraphQLRequest(_VERSION)))["version"]
    path = folder / f"{_digest(json.dumps([_FORMAT, version, cli]))[:24]}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):  # a file that cannot be read is replaced
        client.schema = LazySchema(json.loads(_checked(read_file(path))))
        return
    types = condensed(await _fetch(session))
    client.schema = LazySchema(types)
    text = json.dumps(types, separators=(",", ":"))
    with suppress(OSError):  # the next session fetches it
        private_folder(folder)
        replace_file(path, f"{_digest(text)}\n{text}", mode=0o600)


async def _fetch(session: AsyncClientSession) -> dict[str, Any]:
    from gql import GraphQLRequest
    from gql.utilities import get_introspection_query_ast

    response: dict[str, Any] = await session.execute(GraphQLRequest(get_introspection_query_ast(**_UNUSED)))
    return response


def _checked(raw: bytes) -> str:
    """What follows the line of its digest. Raises ValueError for anything else."""
    digest, _, text = raw.decode().partition("\n")
    if digest != _digest(text):
        raise ValueError("the file is damaged")
    return text


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
