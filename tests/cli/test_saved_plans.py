"""A command's options as arguments: what is read of them is the same again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.arguments import read, words
from pipeline.cli.command import Command, Parser
from pipeline.cli.commands.release.promote import PromoteOptions
from pipeline.cli.commands.release.release import ReleaseOptions
from pipeline.cli.commands.release.rollback import RollbackOptions
from pipeline.errors import UsageError
from pipeline.model import Digest, Reference
from pipeline.release.saved import PlanOutdated, SavedPlan
from pipeline.run.publish.promotion import TagMove

MOVE = TagMove(Reference.parse("localhost:5000/prod/app:1"), None, Digest.of(b"1"))
OTHER = replace(MOVE, reference=MOVE.reference.repository.tagged("2"))
PLAN = SavedPlan("promote", "acme", ("--to=prod",), (MOVE,), {"prod": ""})


def parsed(kind: type[Any], arguments: list[str]) -> Any:
    parser = Parser(prog="lockage", add_help=False)
    Command(kind, lambda _: 0).add_to(parser)
    parser.set_defaults(root=Path(), verbose=False)
    return read(kind, parser.parse_args(arguments))


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (PromoteOptions, ["--to=prod"]),
        (PromoteOptions, ["app", "app:1.2", "--from=dev", "--to=prod", "--data=signed", "--force"]),
        (PromoteOptions, ["--to=prod", "--allow-backwards=--it is so", "--only=a/1/linux-amd64", "--only=b"]),
        (PromoteOptions, ["--to=prod", "--platform=linux/amd64", "--shard=1/3", "--locked"]),
        (ReleaseOptions, ["v2.3.0", "app", "--to=hub", "--offline", "--unpin", "--allow-dirty"]),
        (RollbackOptions, ["prod", "app", "other", "--to=17", "--reason=a b", "--accept=-c"]),
    ],
)
def test_options_as_arguments(kind: type[Any], arguments: list[str]) -> None:
    options = parsed(kind, arguments)
    assert parsed(kind, list(words(options))) == options
    assert sorted(words(options)) == sorted(arguments)


def test_a_plan_reads_back_and_an_edit_is_noticed() -> None:
    raw = PLAN.to_bytes()
    assert SavedPlan.from_bytes(raw, "plan.json") == PLAN
    for old, new in ((b"prod", b"live"), (b"promote", b"release"), (b'"from": null', b'"from": "sha256:1"')):
        with pytest.raises(UsageError, match=r"plan.json is no plan to apply"):
            SavedPlan.from_bytes(raw.replace(old, new), "plan.json")


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"format_version": 2}', b'{"a": 1, "a": 2}', b"\xff", b"null"]
)
def test_what_is_no_plan(raw: bytes) -> None:
    with pytest.raises(UsageError, match="no plan to apply"):
        SavedPlan.from_bytes(raw, "plan.json")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"ledgers": {"prod": "sha256:1"}}, "the ledger of prod has other entries since"),
        ({"moves": ()}, "localhost:5000/prod/app:1  planned: nothing → "),
        ({"moves": (replace(MOVE, before=Digest.of(b"0")),)}, "now: "),
        (
            {"moves": (MOVE, replace(MOVE, reference=MOVE.reference.repository.tagged("2")))},
            "app:2  planned: no change",
        ),
    ],
)
def test_every_difference_is_named(changes: dict[str, Any], line: str) -> None:
    PLAN.refuse_unless(PLAN)
    with pytest.raises(PlanOutdated) as outdated:
        PLAN.refuse_unless(replace(PLAN, **changes))
    assert outdated.value.exit_code == 7 and line in str(outdated.value.detail)
