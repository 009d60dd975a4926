"""Encode a plan as bytes, and decode it without reading a template or a YAML file.

Decoding imports neither pydantic nor PyYAML nor jinja2, so `lockage plan` is fast when nothing has changed.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TypedDict

from pipeline.catalogue.source import Source
from pipeline.config import Project
from pipeline.model import Gates, Reference
from pipeline.util.json.canonical import compact

from ..plan import LockState, Plan
from ..policy_documents import names_of, read_again
from .definitions import StoredDefinitions
from .parts import Digests, PlanPart, PlanParts
from .rows import EntryRow, RowReader, RowWriter, TargetRow

STORE_FORMAT = 9

# folder, its digest, image, work, output, the digests of the files elsewhere, names, state and rows of the definitions
_PartRow = tuple[str, str, str, int, int, dict[str, str | None], list[str], tuple[str, str] | None]


class _Stored(TypedDict):
    store: int
    files: dict[str, str | None]
    parts: list[_PartRow]
    project: dict[str, object]
    lock_state: LockState
    unlocked: list[str]
    snapshot_id: str | None
    tools: list[tuple[str, str]]
    texts: list[str]
    trees: list[list[EntryRow]]
    gates: list[dict[str, object]]
    policy_documents: tuple[list[str], list[str]]
    targets: list[TargetRow]


def dump(plan: Plan) -> bytes:
    """A complete plan (without a selection) as bytes."""
    return _dump(plan, {}, [])


def dump_parts(parts: PlanParts, digests: Digests) -> bytes:
    """The same of a plan with its parts, and with the state of what they were made of."""
    definitions = {folder: (d.state, d.rows) for folder, d in parts.plan.definitions.items()}
    rows: list[_PartRow] = [
        (
            *(folder, digests.folders[folder], p.image, p.work, p.output),
            *(digests.files(p.files), list(p.names), definitions.get(folder)),
        )
        for folder, p in parts.parts.items()
    ]
    return _dump(parts.plan, digests.files(parts.files), rows)


def _dump(plan: Plan, files: dict[str, str | None], parts: list[_PartRow]) -> bytes:
    writer = RowWriter()
    targets = [writer.target(target) for target in plan.targets]
    stored: _Stored = {
        "store": STORE_FORMAT,
        "files": files,
        "parts": parts,
        "project": plan.project.to_json(),
        "lock_state": plan.lock_state,
        "unlocked": [str(reference) for reference in plan.unlocked],
        "snapshot_id": plan.snapshot_id,
        "tools": [(name, str(reference)) for name, reference in plan.tools.items()],
        "texts": writer.texts,
        "trees": writer.trees.values(),
        "gates": writer.gates.values(),
        "policy_documents": names_of((plan.project.policy, *(target.gates for target in plan.targets))),
        "targets": targets,
    }
    return compact(stored)


def load(content: bytes, source: Source) -> Plan:
    """The plan that `dump` or `dump_parts` wrote. Raises ValueError for anything else."""
    return _load(content, source)[1]


def load_parts(content: bytes, digests: Digests) -> PlanParts:
    """The plan that `dump_parts` wrote, with the parts of which nothing has changed. Raises ValueError for anything
    else."""
    stored, plan = _load(content, digests.source)
    try:
        files = stored["files"]
        if digests.files(files) != files:
            raise ValueError("other files of the policy")
        parts = {
            folder: PlanPart(image, work, output, tuple(files), tuple(names))
            for folder, digest, image, work, output, files, names, _ in stored["parts"]
            if digests.folders.get(folder) == digest and digests.files(files) == files
        }
        return PlanParts(plan, parts, tuple(files))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a stored plan: {error!r}") from None


def _load(content: bytes, source: Source) -> tuple[_Stored, Plan]:
    try:
        stored: _Stored = json.loads(content)
        if stored["store"] != STORE_FORMAT:
            raise ValueError("another format")
        documents = read_again(source, *stored["policy_documents"])
        gates = [Gates.from_json(data, documents) for data in stored["gates"]]
        reader = RowReader(stored["texts"], stored["trees"], gates)
        plan = Plan(
            project=Project.from_json(stored["project"], documents),
            targets=tuple(reader.target(row) for row in stored["targets"]),
            lock_state=stored["lock_state"],
            unlocked=tuple(Reference.parse(text) for text in stored["unlocked"]),
            snapshot_id=stored["snapshot_id"],
            tools=MappingProxyType({name: Reference.parse(text) for name, text in stored["tools"]}),
            source=source,
            definitions={row[0]: StoredDefinitions(*row[-1]) for row in stored["parts"] if row[-1]},
        )
        return stored, plan
    except (AttributeError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(f"not a stored plan: {error!r}") from None
