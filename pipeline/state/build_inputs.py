"""What each target was last built from: kept beside its build, so that the next one can say what is new.

In the repository of builds the tag `last-…` of a target is an artifact with the inputs of its key. It moves with
every build, keeps none of them alive, and nothing depends on it but explanations.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.model import Repository
from pipeline.plan import Plan, Target
from pipeline.plan.changes.key_difference import inputs_of, key_difference
from pipeline.util.canonical_json import compact

from . import store

if TYPE_CHECKING:
    from pipeline.registry import Registry


INPUTS_TYPE = "application/vnd.lockage.inputs.v1+json"
_ODD = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class BuildInputs:
    """What one build was made from. `bases` are the pins of its bases by the name FROM has: `key:…` or a digest;
    `fresh` says that nothing was taken from a cache."""

    target: str
    key: str
    inputs: Mapping[str, Any]
    bases: Mapping[str, str]
    revision: str = ""
    fresh: bool = False

    def to_json(self) -> dict[str, Any]:
        """The build as data."""
        return {
            "format_version": 1,
            "target": self.target,
            "key": self.key,
            "revision": self.revision,
            "fresh": self.fresh,
            "bases": dict(self.bases),
            "inputs": dict(self.inputs),
        }

    @classmethod
    def from_bytes(cls, raw: bytes) -> BuildInputs:
        """The build that `to_json` gave; raises ValueError for anything else."""
        try:
            data = json.loads(raw)
            if data["format_version"] != 1 or not isinstance(data["inputs"], dict):
                raise ValueError("another format of inputs")
            bases = {str(name): str(pin) for name, pin in data["bases"].items()}
            return cls(
                str(data["target"]),
                str(data["key"]),
                data["inputs"],
                bases,
                str(data["revision"]),
                bool(data["fresh"]),
            )
        except (KeyError, TypeError, AttributeError, RecursionError) as fault:
            raise ValueError(f"not the inputs of a build: {fault!r}") from None


def build_of(plan: Plan, target: Target, *, revision: str = "", fresh: bool = False) -> BuildInputs | None:
    """What building a target of a plan now would be made from; None where it has no key."""
    inputs = inputs_of(plan, target.id)
    if inputs is None or target.key is None:
        return None
    bases = {}
    for base in target.bases:
        if base.target_id:
            bases[base.name] = f"key:{plan.by_id[base.target_id].key}"
        elif base.reference and base.reference.digest:
            bases[base.name] = f"{base.reference.repository}@{base.reference.digest}"
    return BuildInputs(target.id, target.key, inputs, bases, revision, fresh)


def difference(before: BuildInputs, now: BuildInputs) -> list[str]:
    """What is new since an earlier build, in lines for people; bases first, in their own words."""
    out = []
    for name in dict.fromkeys((*before.bases, *now.bases)):
        old, new = before.bases.get(name), now.bases.get(name)
        if old == new or old is None or new is None:
            continue  # another name in FROM is seen in the Dockerfile
        if new.startswith("key:"):
            out.append(f"its base {name} changed (key {old[4:16]} before, {new[4:16]} now)")
        else:
            out.append(f"its base {name} moved to {_pin(new)}, was {_pin(old)}")
    return out + key_difference(_by_name(before), _by_name(now))


def tag_of(target_id: str) -> str:
    """The tag in the repository of builds under which a target's last inputs are kept."""
    readable = _ODD.sub("-", target_id)[:90].rstrip(".-")
    return f"last-{readable}-{hashlib.sha256(target_id.encode()).hexdigest()[:12]}"


async def read_build_inputs(registry: Registry, builds: Repository, target_id: str) -> BuildInputs | None:
    """What a target was last built from; None if nobody knows."""
    raw = await store.read(registry, builds, tag_of(target_id), INPUTS_TYPE)
    try:
        return BuildInputs.from_bytes(raw) if raw is not None else None
    except ValueError:
        return None


async def write_build_inputs(registry: Registry, builds: Repository, build: BuildInputs) -> None:
    """Keep what a target was built from."""
    await store.write(registry, builds, tag_of(build.target), INPUTS_TYPE, compact(build.to_json()))


async def rebuild_reason(registry: Registry, builds: Repository, plan: Plan, target: Target) -> str:
    """Why a target whose build is not reused has to be built, in one line."""
    now, before = build_of(plan, target), await read_build_inputs(registry, builds, target.id)
    if before is None or now is None:
        return "it was never built before"
    lines = difference(before, now)
    if not lines:
        return "its build is gone from the repository of builds"
    return "; ".join(line.strip().rstrip(":") for line in lines[:2] if not line.startswith("  "))


def _by_name(build: BuildInputs) -> dict[str, Any]:
    """The inputs with each base by its name, so that a base that moved is not told twice."""
    inputs = dict(build.inputs)
    text = inputs.get("dockerfile")
    if isinstance(text, str):
        for name, pin in build.bases.items():
            text = text.replace(pin, name)
        inputs["dockerfile"] = text
    return inputs


def _pin(text: str) -> str:
    return text.rpartition("@")[2][:19]
