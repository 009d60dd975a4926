"""The id of a module's types by a few requests, instead of one for each type of each argument of each function.

An object of the API is the calls that make it, and objects among their arguments are passed by their ids. Those are
requested together for all objects that depend on no others, then for all that depend on these, and so on; and once for
objects that are made alike, such as arguments that several functions have.
"""

import hashlib
import json
from dataclasses import dataclass

from gql.dsl import DSLQuery, dsl_gql
from gql.transport.exceptions import TransportError


def register_at_once(module):
    """Let `dagger.Module`, which has all types among its arguments, find its id this way."""
    ask = module.id

    async def module_id(self):
        try:
            return await _Objects().id(self)
        except TransportError:  # the SDK's own way, for its errors
            return await ask(self)

    module.id = module_id


@dataclass(frozen=True)
class _Node:
    """An object, what identifies all that makes it, and how deep objects are nested in its arguments."""

    thing: object
    key: str
    depth: int


class _Objects:
    """Objects that depend on each other, and the ids that are known."""

    def __init__(self):
        self.nodes = {}  # by key
        self.known = {}  # keys by the identity of an object, and the object, so that no other one gets that identity
        self.ids = {}  # by key

    async def id(self, thing):
        """The id of an object. Raises TransportError."""
        last = self._node(thing)
        for depth in range(last.depth + 1):
            await self._request([node for node in self.nodes.values() if node.depth == depth])
        return self.ids[last.key]

    def _node(self, thing):
        inner = []

        def described(argument):
            inner.append(self._node(argument))
            return {"object": inner[-1].key}

        calls = [[one.type_name, one.name, one.inline_type, one.args] for one in thing._ctx.selections]
        text = json.dumps([thing._graphql_name(), calls], default=described)
        key = hashlib.sha256(text.encode()).hexdigest()
        self.known[id(thing)] = key, thing
        depth = max((node.depth + 1 for node in inner), default=0)
        return self.nodes.setdefault(key, _Node(thing, key, depth))

    async def _request(self, nodes):
        contexts = {f"id{number}": node.thing._select("id", []) for number, node in enumerate(nodes)}
        for context in contexts.values():
            for field in context.selections:
                field.args = {name: self._filled(value) for name, value in field.args.items()}
        session = nodes[0].thing._ctx.conn.session
        query = DSLQuery(**{name: await context.build() for name, context in contexts.items()})
        response = await session.execute(dsl_gql(query))
        for node, (name, context) in zip(nodes, contexts.items(), strict=True):
            value = response[name]
            for field in list(context.selections)[1:]:
                value = value[field.name]
            self.ids[node.key] = value

    def _filled(self, value):
        """An argument with ids for objects; once filled, an object's calls have no others."""
        if isinstance(value, (list, tuple)):
            return [self._filled(one) for one in value]
        return self.ids[self.known[id(value)][0]] if id(value) in self.known else value
