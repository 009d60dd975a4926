"""What the repository of builds remembers, as anybody who may write there can change it."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from datetime import date
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.model import Descriptor, Digest, Severity
from pipeline.policy import Evidence, Finding, Inventory, LeakedSecret, Scan, TestCase, TestReport, Tool
from pipeline.policy.retention.facts import Node
from pipeline.policy.tag_moves import TagPosition
from pipeline.release.saved import SavedPlan
from pipeline.release.saved.request import SavedRequest
from pipeline.state.build_inputs import BuildInputs, difference
from pipeline.state.ledger import Act, LedgerEntry, TagChange
from pipeline.state.record import Record
from pipeline.state.retention import RetentionMemory, SeenTag
from pipeline.state.run_state import PublishedState, PublishedTag
from pipeline.util.json.canonical import compact, pretty
from pipeline.util.json.values import as_object, parse_json
from tests.fuzz.hostile import REFUSED, changed_json
from tests.fuzz.target import Target

_D = Digest.of(b"x")
_TOOL = Tool("trivy", "1", "2026-11-01", str(_D))
_RECORD = Record(
    _D.hex,
    _D,
    Evidence(
        5,
        Inventory(_TOOL, 3, {"spdx-json": str(_D)}),
        Scan(
            _TOOL, (Finding("CVE-1", "a", "1", "", Severity.LOW),), (LeakedSecret("r", "/x", Severity.HIGH),)
        ),
        TestReport(_TOOL, (TestCase("t", False, "why"),)),
    ),
    _D,
    "0" * 40,
    _D,
    {"spdx-json": Descriptor.of(b"x", "text/plain")},
    (Descriptor.of(b"x", "text/plain"),),
)
_WITH_WARNING = {**_RECORD.to_json(), "warnings": [{"line": 1, "rule": "r", "message": "m", "url": "u"}]}
_STATE = PublishedState(
    date(2026, 11, 26), {_RECORD.key: _RECORD}, {"a:1": PublishedTag((_D,), _D, _D, frozenset({"t"}))}
).to_bytes()
_ENTRY = LedgerEntry(
    "prod",
    2,
    Act("promote", "me@here", "2026-11-26T00:00:00Z", "0" * 40, "why"),
    (TagChange("app", "1", None, _D, "1.0.0"), TagChange("app", "1.0", _D, _D, "1.0.0")),
    {"app:1": TagPosition(_D, "1.0.0"), "app:1.0": TagPosition(_D, "1.0.0", None, pending=True)},
    {"app": "rolled back"},
    _D,
    complete=False,
).to_bytes()
_INPUTS = {
    "format_version": 1,
    "target": "app/1.0.0/linux-amd64",
    "key": "0" * 64,
    "revision": "",
    "fresh": False,
    "bases": {"debian:12": "debian@sha256:" + "0" * 64, "base:1": "key:" + "0" * 64},
    "inputs": {
        "dockerfile": "FROM debian@sha256:x\n",
        "args": {"a": "b"},
        "rootfs": [["a", "file", 420, "0"]],
    },
}
_MEMORY = RetentionMemory(
    3,
    {"1.0.0": SeenTag(_D, 1)},
    {_D: Node(_D, (), ())},
    {"sha256-0": _D},
    {_D: 1},
    {_D: 2},
    {"0" * 64: 3},
    frozenset({_D}),
).to_bytes()
_MOVE = {"reference": "localhost:5000/prod/app:1", "from": None, "to": str(_D)}
_PLAN = {
    "format_version": 1,
    "command": "promote",
    "project": "acme",
    "request": ["--to=prod"],
    "moves": [_MOVE, {**_MOVE, "from": str(_D)}, {**_MOVE, "to": None, "reason": "old"}],
    "ledgers": {"prod": str(_D), "live": ""},
}
_BEFORE = BuildInputs.from_bytes(json.dumps(_INPUTS).encode())


def read_record(content: bytes, folder: Path) -> None:
    """A record."""
    found = Record.from_bytes(content, {})
    assert Record.from_bytes(found.to_bytes(), {}) == found


def read_state(content: bytes, folder: Path) -> None:
    """The run state, compressed or as the JSON in it."""
    if content[:2] != b"\x1f\x8b":
        content = gzip.compress(content, 1, mtime=0)
    found = PublishedState.from_bytes(content)
    assert PublishedState.from_bytes(found.to_bytes()) == found


def read_entry(content: bytes, folder: Path) -> None:
    """An entry of a ledger."""
    found = LedgerEntry.from_bytes(content)
    assert LedgerEntry.from_bytes(found.to_bytes()) == found


def read_memory(content: bytes, folder: Path) -> None:
    """What retention knows of a repository, compressed or as the JSON in it."""
    if content[:2] != b"\x1f\x8b":
        content = gzip.compress(content, 1, mtime=0)
    found = RetentionMemory.from_bytes(content)
    assert RetentionMemory.from_bytes(found.to_bytes()) == found


def read_plan(content: bytes, folder: Path) -> None:
    """A saved plan, with the checksum that fits."""
    with suppress(ValueError):
        data = as_object(parse_json(content))
        content = pretty({**data, "checksum": str(Digest.of(compact(data)))}).encode()
    found = SavedPlan.from_bytes(content, "plan.json")
    assert SavedPlan.from_bytes(found.to_bytes(), "plan.json") == found
    found.refuse_unless(found)
    SavedRequest.of(found)


def read_inputs(content: bytes, folder: Path) -> None:
    """The inputs of a build, and what changed since."""
    found = BuildInputs.from_bytes(content)
    difference(found, _BEFORE)
    difference(_BEFORE, found)


TARGETS = (
    Target(
        "records",
        changed_json([_WITH_WARNING], ["title", "fixed", "annotations"]),
        read_record,
        errors=REFUSED,
    ),
    Target("run-state", changed_json([json.loads(gzip.decompress(_STATE))]), read_state, errors=REFUSED),
    Target("ledger", changed_json([json.loads(_ENTRY)]), read_entry, errors=REFUSED),
    Target("retention", changed_json([json.loads(gzip.decompress(_MEMORY))]), read_memory, errors=REFUSED),
    Target("saved-plans", changed_json([_PLAN]), read_plan, errors=(*REFUSED, UsageError)),
    Target(
        "build-inputs",
        changed_json([_INPUTS], ["contexts", "labels"]),
        read_inputs,
        errors=REFUSED,
        examples=60,
    ),
)
