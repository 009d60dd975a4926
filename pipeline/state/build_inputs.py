"""The inputs of each target's last build, so that the next one can explain what changed.

The tag `last-…` of a target in the repository of builds is an artifact with the inputs of its key. It moves with every
build and keeps none of them alive; only explanations depend on it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import partial
from typing import Self

from pipeline.plan import Plan, Target
from pipeline.plan.changes.key_difference import inputs_of, key_difference
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact
from pipeline.util.json.values import as_flag, as_object, as_text, as_text_mapping, parse_json

from .signers import Binding
from .store import ContentKind, Store

INPUTS_TYPE = "application/vnd.lockage.inputs.v1+json"
INPUTS_STATEMENT = "https://lockage.org/statement/build-inputs/v1"
_KIND = ContentKind(INPUTS_TYPE)
_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class BuildInputs:
    """The inputs of one build.

    `bases` are the pins of its bases, `key:…` or a digest, by their names in FROM. `fresh` says that no cache was read.
    """

    target: str
    key: str
    inputs: Mapping[str, object]
    bases: Mapping[str, str]
    revision: str = ""
    fresh: bool = False

    @classmethod
    def of(cls, plan: Plan, target: Target, *, revision: str = "", fresh: bool = False) -> Self | None:
        """The inputs of a build of a target now; None when it has no key."""
        inputs = inputs_of(plan, target.id)
        if inputs is None or target.key is None:
            return None
        bases = {}
        for base in target.bases:
            if base.target_id:
                bases[base.name] = f"key:{plan.by_id[base.target_id].key}"
            elif base.reference and base.reference.digest:
                bases[base.name] = f"{base.reference.repository}@{base.reference.digest}"
        return cls(target.id, target.key, inputs, bases, revision, fresh)

    def to_json(self) -> dict[str, object]:
        """The inputs as data."""
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
        """Read what `to_json` wrote. Raises ValueError for anything else."""
        try:
            data = as_object(parse_json(raw))
            if data["format_version"] != 1:
                raise ValueError("another format of build inputs")
            return cls(
                as_text(data["target"]),
                as_text(data["key"]),
                as_object(data["inputs"]),
                as_text_mapping(data["bases"]),
                as_text(data["revision"]),
                as_flag(data["fresh"]),
            )
        except KeyError as fault:
            raise ValueError(f"not the inputs of a build: {fault!r}") from None


def difference(before: BuildInputs, now: BuildInputs) -> list[str]:
    """What changed since an earlier build, in lines for people; bases first."""
    lines = []
    for name in dict.fromkeys((*before.bases, *now.bases)):
        old, new = before.bases.get(name), now.bases.get(name)
        if old == new or old is None or new is None:
            continue  # another name in FROM is a difference of the Dockerfile
        if new.startswith("key:"):
            lines.append(f"its base {name} changed (key {old[4:16]} before, {new[4:16]} now)")
        else:
            lines.append(f"its base {name} moved to {_short_digest(new)}, was {_short_digest(old)}")
    return lines + key_difference(_without_pins(before), _without_pins(now))


def tag_in(space: str, target_id: str) -> str:
    """The tag of a target's last inputs in a key's space."""
    readable = _NOT_IN_TAGS.sub("-", target_id)[:90].rstrip(".-")
    return f"last-{readable}-{hashlib.sha256(target_id.encode()).hexdigest()[:12]}-{space}"


async def read_build_inputs(store: Store, target_id: str) -> BuildInputs | None:
    """The inputs of a target's last build, by this key or else another trusted one; None when there are none, or none
    that can be believed."""
    for key in store.signers.trusted:
        raw = await store.read(_KIND, _binding(target_id), partial(tag_in, target_id=target_id), key)
        try:
            if raw is not None:
                return BuildInputs.from_bytes(raw)
        except ValueError:
            continue
    return None


async def write_build_inputs(store: Store, inputs: BuildInputs) -> None:
    """Store the inputs of a target's last build."""
    tag = partial(tag_in, target_id=inputs.target)
    await store.write(_KIND, _binding(inputs.target), tag, compact(inputs.to_json()))


async def rebuild_reason(store: Store, inputs: BuildInputs) -> str:
    """Why a target with these inputs has to be built, in one line."""
    before = await read_build_inputs(store, inputs.target)
    if before is None:
        return "it was never built before"
    lines = difference(before, inputs)
    if not lines:
        return "its build is gone from the repository of builds"
    return "; ".join(line.strip().rstrip(":") for line in lines[:2] if not line.startswith("  "))


def _binding(target_id: str) -> Binding:
    return Binding(INPUTS_STATEMENT, target_id)


def _without_pins(build: BuildInputs) -> dict[str, object]:
    """The inputs with bases by name in the Dockerfile, so that a base that moved is reported once."""
    inputs = dict(build.inputs)
    dockerfile = inputs.get("dockerfile")
    if isinstance(dockerfile, str):
        for name, pin in build.bases.items():
            dockerfile = dockerfile.replace(pin, name)
        inputs["dockerfile"] = dockerfile
    return inputs


def _short_digest(pin: str) -> str:
    return pin.rpartition("@")[2][:19]
