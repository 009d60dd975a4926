"""The SDK without what the program does not use of it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.sdk.imports import Converter, TypeHint, is_id_type, is_id_type_sequence

ROOT = Path(__file__).resolve().parents[2]
_LOOK = """
import json, sys
from pipeline.engine.sdk.imports import import_sdk
import_sdk()
import dagger
heavy = {"beartype", "rich", "click", "opentelemetry.sdk", "dagger.provisioning", "dagger.mod"} & set(sys.modules)
import dagger.mod, dagger.provisioning, dagger.telemetry
from dagger.client import _guards
print(json.dumps([sorted(heavy), bool(dagger.telemetry.get_tracer), _guards.__file__.endswith("_guards.py")]))
"""


def test_what_is_left_out_can_be_imported_later() -> None:
    done = subprocess.run([sys.executable, "-c", _LOOK], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[], True, True]


def test_arguments_are_told_apart_as_by_the_sdk() -> None:
    import dagger
    from dagger.client import _guards
    from dagger.client.base import Root, Type

    class Thing(Type):
        async def id(self) -> str:
            return ""

    given: list[Any] = [
        *(Thing(None), dagger.Directory(None), dagger.Client(None), Root(None), object(), None, 1, "id"),  # type: ignore[arg-type]
        *(
            [],
            (),
            [Thing(None)],
            (Thing(None), Thing(None)),
            ["a"],
            "",
            b"ab",
            {"a": Thing(None)},
            Thing,
            dagger.File,
        ),  # type: ignore[arg-type]
    ]
    for value in given:
        assert is_id_type(value) == _guards.is_id_type(value), value
        assert is_id_type_sequence(value) == _guards.is_id_type_sequence(value), value


@pytest.mark.parametrize("hint", [str, int, str | None, type(None), list[str], list[str] | None, Any])
def test_whether_a_result_may_be_none(hint: Any) -> None:
    from beartype.door import TypeHint as Real

    assert TypeHint(hint).is_bearable(None) == Real(hint).is_bearable(None)


@dataclass
class Response:
    """An object in a list of results."""

    id: str


def test_requests_and_results_are_converted_as_by_the_sdk() -> None:
    """Also objects in a list, which are in the context of their request."""
    import dagger
    from dagger.client import _core

    made: list[Any] = []

    def make(context: Any) -> Any:
        made.append(context)
        return real(context)

    real = getattr(_core.make_converter, "args", [_core.make_converter])[0]
    context: Any = object()
    one, other = Converter(make, context), Converter(make, None)
    arguments = {
        "a": 1,
        "owner": "",
        "expect": dagger.ReturnType.ANY,
        "of": [dagger.BuildArg("n", "v")],
        "none": None,
    }
    wanted = real(context).unstructure(arguments)
    assert one.unstructure(arguments) == other.unstructure(arguments) == wanted
    before = len(made)
    assert before <= 1, "one for all arguments"
    assert one.structure(["x"], list[str]) == ["x"] and one.structure(3, int) == 3
    assert one.structure("id", dagger.JSON) == "id" and one.structure(None, str | None) is None
    assert len(made) == before, "and the same for values"
    assert one.structure("ANY", dagger.ReturnType) is dagger.ReturnType.ANY
    assert one.structure([{"id": "x"}], list[Response]) == [Response("x")]
    assert made[before:] and all(one is context for one in made[before:]), (
        "objects are in the context of the request"
    )
