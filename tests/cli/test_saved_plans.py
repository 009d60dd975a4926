"""A command's options as arguments: what is read of them is the same again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pipeline.cli.arguments import read, words
from pipeline.cli.command import Command, Parser
from pipeline.cli.commands.release.copy import CopyOptions
from pipeline.cli.commands.release.mirror import MirrorOptions
from pipeline.cli.commands.release.promote import PromoteOptions
from pipeline.cli.commands.release.release import ReleaseOptions
from pipeline.cli.commands.release.retention import RetentionOptions
from pipeline.cli.commands.release.rollback import RollbackOptions
from pipeline.cli.saved_plans import _request
from pipeline.errors import UsageError
from pipeline.model import Digest, Reference
from pipeline.release.saved import SCHEMA, PlannedChange, PlanOutdated, SavedPlan
from pipeline.release.saved.request import UNDERSTOOD, SavedRequest

MOVE = PlannedChange(Reference.parse("localhost:5000/prod/app:1"), None, Digest.of(b"1"))
OTHER = replace(MOVE, reference=MOVE.reference.repository.tagged("2"))
PLAN = SavedPlan("promote", "acme", ("--to=prod",), (MOVE,), {"prod": ""})
GONE = PlannedChange(MOVE.reference, Digest.of(b"1"), None, "older than 7 days")
MANIFEST = replace(GONE, reference=MOVE.reference.repository.at(Digest.of(b"1")))
DELETIONS = SavedPlan("retention", "acme", ("--limit=5",), (GONE, MANIFEST), {"prod": "", "(builds)": ""})


def parsed(kind: type[Any], arguments: list[str]) -> Any:
    parser = Parser(prog="lockage", add_help=False)
    Command(kind, lambda _: 0).add_to(parser)
    parser.set_defaults(root=Path(), verbose=False)
    return read(kind, parser.parse_args(arguments))


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (CopyOptions, ["localhost:1/app:1", "localhost:2/app:2", "--no-referrers", "--check"]),
        (
            MirrorOptions,
            ["ghcr.io/acme/*", "localhost:2/app", "localhost:3/x", "--tags=v*", "--exclude=*-rc*"],
        ),
        (PromoteOptions, ["--to=prod"]),
        (PromoteOptions, ["app", "app:1.2", "--from=dev", "--to=prod", "--data=signed", "--force"]),
        (PromoteOptions, ["--to=prod", "--allow-backwards=--it is so", "--only=a/1/linux-amd64", "--only=b"]),
        (PromoteOptions, ["--to=prod", "--platform=linux/amd64", "--shard=1/3", "--locked"]),
        (ReleaseOptions, ["v2.3.0", "app", "--to=hub", "--offline", "--unpin", "--allow-dirty"]),
        (
            RetentionOptions,
            ["--env=dev", "--limit=5", "--closed=7", "--closed=8", "--as-of=2026-12-24T00:00:00Z"],
        ),
        (RollbackOptions, ["prod", "app", "other", "--to=17", "--reason=a b", "--accept=-c"]),
    ],
)
def test_options_as_arguments(kind: type[Any], arguments: list[str]) -> None:
    options = parsed(kind, arguments)
    assert parsed(kind, list(words(options))) == options
    assert sorted(words(options)) == sorted(arguments)


@pytest.mark.parametrize(
    ("command", "kind", "elsewhere"),
    [
        (
            "promote",
            PromoteOptions,
            {"--shard", "--affected", "--changed-files-from", "--code-quality", "--offline"},
        ),
        (
            "release",
            ReleaseOptions,
            {"--shard", "--affected", "--changed-files-from", "--code-quality", "--offline"},
        ),
        ("rollback", RollbackOptions, {"--offline"}),
        ("retention", RetentionOptions, {"--apply", "--closed-pull-requests", "--closed-from-forge"}),
    ],
)
def test_other_fronts_know_every_option_or_refuse_the_plan(
    command: str, kind: type[Any], elsewhere: set[str]
) -> None:
    parser = Parser(prog="lockage", add_help=False)
    Command(kind, lambda _: 0).add_to(parser)
    options = {text for action in parser._actions for text in action.option_strings}
    assert options - {"--json", "--plan", "--plan-file"} == UNDERSTOOD[command] | elsewhere
    for option in elsewhere:
        with pytest.raises(UsageError, match=f"made with {option}, which only the command line knows"):
            SavedRequest.of(replace(PLAN, command=command, request=(f"{option}=1",)))


def test_a_request_is_read_as_it_was_written() -> None:
    arguments = [
        "v1",
        "app",
        "--to=hub",
        "--allow-backwards=a=b --to=x",
        "--force",
        "--only=a/1/linux-amd64",
        "--only=b",
    ]
    options = parsed(ReleaseOptions, arguments)
    request = SavedRequest.of(replace(PLAN, command="release", request=tuple(words(options))))
    assert request.arguments == ("v1", "app") and request.value("--to") == "hub"
    assert request.value("--allow-backwards") == "a=b --to=x" and request.has("--force")
    assert request.values("--only") == ("a/1/linux-amd64", "b")
    assert request.value("--data") == "" and not request.has("--unpin")


@pytest.mark.parametrize(
    ("command", "request_"),
    [
        ("promote", ()),
        ("promote", ("--to=",)),
        ("promote", ("--to=prod", "--force=yes")),
        ("promote", ("--to=prod", "--data=tomorrow")),
        ("promote", ("--to=prod", "--allow-backwards= ")),
        ("release", ("--to=prod",)),
        ("rollback", ("--reason=x",)),
        ("rollback", ("prod", "--reason=\n")),
        ("retention", ("prod",)),
        ("retention", ("--closed=-1",)),
        ("retention", ("--limit=0",)),
        ("retention", ("--as-of=2026",)),
    ],
)
def test_a_request_that_no_command_line_wrote_is_refused(command: str, request_: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=f"is not one of lockage {command}"):
        SavedRequest.of(replace(PLAN, command=command, request=request_))


@pytest.mark.parametrize("plan", [PLAN, DELETIONS])
def test_a_plan_reads_back(plan: SavedPlan) -> None:
    raw = plan.to_bytes()
    assert SavedPlan.from_bytes(raw, "plan.json") == plan
    assert SavedPlan.from_bytes(raw, "plan.json").to_bytes() == raw
    jsonschema.validate(json.loads(raw), SCHEMA)


def test_an_edit_is_noticed() -> None:
    raw = PLAN.to_bytes()
    for old, new in ((b"prod", b"live"), (b"promote", b"release"), (b'"from": null', b'"from": "sha256:1"')):
        with pytest.raises(UsageError, match=r"plan.json is no plan to apply"):
            SavedPlan.from_bytes(raw.replace(old, new), "plan.json")


def test_deletions_are_compared_without_their_reasons() -> None:
    DELETIONS.refuse_unless(replace(DELETIONS, moves=(replace(GONE, reason="of 8 days"), MANIFEST)))
    moved = replace(GONE, before=Digest.of(b"2"))
    with pytest.raises(PlanOutdated) as outdated:
        DELETIONS.refuse_unless(replace(DELETIONS, moves=(moved,)))
    assert str(outdated.value.detail).splitlines() == [
        f"{GONE.reference}  planned: {GONE}; now: {Digest.of(b'2').short} → nothing",
        f"{MANIFEST.reference}  planned: {GONE}; now: no change",
    ]


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


def test_a_plan_names_no_file_of_the_machine_that_planned() -> None:
    options = parsed(PromoteOptions, ["--to=prod", "--code-quality=q.json", "--plan-file=p.json", "app"])
    assert _request(options, "") == ["app", "--to=prod"]


@pytest.mark.parametrize("command", ["copy", "mirror"])
def test_other_fronts_refuse_plans_of_no_project(command: str) -> None:
    with pytest.raises(UsageError, match=f"one of lockage {command}, which needs no project"):
        SavedRequest.of(
            replace(PLAN, command=command, project="", request=("localhost:1/a", "localhost:2/a"))
        )
