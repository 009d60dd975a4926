"""Fewer requests to the API than Dagger's SDK makes for a call: its values come with one, and known ids with none."""

import gql
from gql.transport.exceptions import TransportError

_CALL = "{ currentFunctionCall { name parentName parent inputArgs { name value } } }"


def fetch_at_once(client, call_type):
    """Let `dagger.Client` fetch all values of its call at once, and not two for each argument, one after the other."""
    make = client.current_function_call
    kept = {}

    class Argument:
        def __init__(self, given):
            self._given = given

        async def name(self):
            return self._given["name"]

        async def value(self):
            return self._given["value"]

    class FunctionCall(call_type):
        __slots__ = ()

        async def _value(self, key, ask):
            if not kept:
                try:
                    kept.update((await self._ctx.conn.session.execute(gql.gql(_CALL)))["currentFunctionCall"])
                except TransportError:  # the SDK's own way, for its errors
                    return await ask()
            return kept[key]

        async def name(self):
            return await self._value("name", super().name)

        async def parent_name(self):
            return await self._value("parentName", super().parent_name)

        async def parent(self):
            return await self._value("parent", super().parent)

        async def input_args(self):
            found = await self._value("inputArgs", super().input_args)
            return [Argument(one) if isinstance(one, dict) else one for one in found]

    client.current_function_call = lambda self: FunctionCall(make(self)._ctx)


def know_ids(context):
    """Let a query for the id of an object that was loaded by its id return that id."""
    execute = context.execute

    async def execute_unless_known(self, return_type=None):
        if len(self.selections) == 2:
            node, field = self.selections
            if (node.type_name, node.name, field.name) == ("Query", "node", "id"):
                return node.args["id"]
        return await execute(self, return_type)

    context.execute = execute_unless_known
