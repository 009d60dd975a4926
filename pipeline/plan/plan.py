"""The plan: every target with its inputs and bases. Frozen; its JSON is the same bytes everywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Literal

from pipeline import dockerfile
from pipeline.catalogue.image_check import ImageCheck
from pipeline.catalogue.named_contexts import NamedContext
from pipeline.catalogue.rootfs import RootfsEntry
from pipeline.catalogue.source import Source
from pipeline.config import Entitlement, Project
from pipeline.model import Gates, Platform, Reference
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import pretty

from .cache.definitions import StoredDefinitions

FORMAT_VERSION = 1
_ENCODE = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode

LockState = Literal["none", "partial", "complete"]


def target_id(image: str, tag: str, platform: Platform) -> str:
    """`<image>/<tag>/<os>-<arch>[-<variant>]`: the tag includes the image variant's suffix, `<variant>` is that of
    the architecture (`linux-arm-v7`)."""
    return f"{image}/{tag}/{platform.slug}"


@dataclass(frozen=True, slots=True)
class Base:
    """An image that a target is based on.

    `name` is as in the Dockerfile, variables replaced. Internal: `target_id`. External: `reference` with its tag, and
    with its digest if the lock or the Dockerfile has one.
    """

    kind: Literal["internal", "external"]
    name: str
    line: int
    target_id: str | None = None
    reference: Reference | None = None
    on: Platform | None = None  # FROM --platform=…, if not the target's own

    def to_json(self) -> dict[str, object]:
        """The base as data."""
        out: dict[str, object] = {"kind": self.kind, "name": self.name}
        if self.target_id:
            out["target"] = self.target_id
        if self.reference:
            out["reference"] = str(self.reference)
        if self.on:
            out["platform"] = str(self.on)
        return out


@dataclass(frozen=True, slots=True)
class Target:
    """One image, tag, variant and platform: the unit that is built, scanned, tested, pushed."""

    id: str
    image: str
    tag: str
    base_tag: str
    variant: str | None
    platform: Platform
    tags: tuple[str, ...]  # every tag and alias of its index, the real tag first
    bases: tuple[Base, ...]
    dockerfile: str  # as generated: internal bases by name and tag
    test: str | None  # container-structure-test 2.0.0
    rootfs: tuple[RootfsEntry, ...]
    labels: Mapping[str, str]  # of image.yml and Lockage; `dockerfile_labels` override them
    key: str | None  # None unless every external base is locked
    gates: Gates
    warnings: tuple[str, ...]
    template: str | None  # the Dockerfile's template, below the root
    test_template: str | None
    title: str | None = None
    description: str | None = None
    external: Reference | None = None  # an image built elsewhere; then `dockerfile` is ""
    syntax: Reference | None = None  # the Dockerfile's frontend; None for the builder's own
    arguments: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # build arguments
    contexts: tuple[NamedContext, ...] = ()  # by name
    secrets: tuple[str, ...] = ()  # ids of lockage.yml's secrets that RUN may mount, sorted
    ssh: tuple[str, ...] = ()  # likewise
    checks: tuple[ImageCheck, ...] = ()  # by name
    entitlements: tuple[Entitlement, ...] = ()  # granted to the image by lockage.yml, sorted

    def with_key(self, key: str | None) -> Target:
        """The target with its key: `dataclasses.replace`, at a third of its cost."""
        return Target(
            *(
                self.id,
                self.image,
                self.tag,
                self.base_tag,
                self.variant,
                self.platform,
                self.tags,
                self.bases,
            ),
            *(self.dockerfile, self.test, self.rootfs, self.labels, key, self.gates, self.warnings),
            *(self.template, self.test_template, self.title, self.description, self.external, self.syntax),
            *(self.arguments, self.contexts, self.secrets, self.ssh, self.checks, self.entitlements),
        )

    @property
    def name(self) -> str:
        """`python:3.11.2-dev`."""
        return f"{self.image}:{self.tag}"

    @property
    def _uses(self) -> tuple[Base | NamedContext, ...]:
        return (*self.bases, *self.contexts)

    @property
    def is_tested(self) -> bool:
        """Whether it has structure tests or checks."""
        return bool(self.test or self.checks)

    @property
    def internal_bases(self) -> tuple[str, ...]:
        """Ids of the targets that must be built first."""
        return tuple(dict.fromkeys(use.target_id for use in self._uses if use.target_id))

    @property
    def external_bases(self) -> tuple[Reference, ...]:
        """The external images that it is based on (or that it is), its frontend, and those that check it, pinned if
        locked."""
        references = [*(use.reference for use in self._uses), self.external, self.syntax]
        references += [check.image for check in self.checks]
        return tuple(dict.fromkeys(reference for reference in references if reference))

    @property
    def final_base(self) -> Base | None:
        """The base of the last stage; None for `scratch`."""
        use = dockerfile.final_base(self.dockerfile, self.platform, self.arguments, self._context_names)
        name = dockerfile.context_name(use.name) if use and self.contexts else None
        context = next((c for c in self.contexts if c.name == name), None)
        if use and context:
            if context.target_id:
                return Base("internal", context.image, use.line, context.target_id)
            return (
                Base("external", context.image, use.line, None, context.reference)
                if context.reference
                else None
            )
        return next((b for b in self.bases if use and (b.name, b.on) == (use.name, use.platform)), None)

    @property
    def _context_names(self) -> frozenset[str]:
        return frozenset(context.name for context in self.contexts)

    @property
    def dockerfile_labels(self) -> Mapping[str, str | None]:
        """The labels that the Dockerfile itself sets, which override `labels`; None for a value known only to the
        build."""
        labels = dockerfile.labels_of(self.dockerfile, self.platform, self.arguments, self._context_names)
        return {key: label.value for key, label in labels.items()}

    def dockerfile_on(self, references: Mapping[str, str]) -> str:
        """The Dockerfile with other references in FROM; `references` maps a base's `name` (or an internal base's
        target id) to the new text."""
        bases = {(base.name, base.on): base for base in self.bases}

        def choose(use: dockerfile.BaseUse) -> str | None:
            base = bases.get((use.name, use.platform))
            if base is None:
                return None
            own = references.get(base.target_id) if base.target_id else None
            return own if own is not None else references.get(base.name)

        return dockerfile.rewrite_uses(
            self.dockerfile, self.platform, choose, self.arguments, self._context_names
        )

    def to_json(self, gates: Mapping[str, object] | None = None) -> dict[str, object]:
        """The target as data: texts by digest, the rest in full. `gates` is the data of its gates, if known."""
        return {
            "id": self.id,
            "image": self.image,
            "tag": self.tag,
            "base_tag": self.base_tag,
            "variant": self.variant,
            "platform": str(self.platform),
            "tags": list(self.tags),
            "bases": [b.to_json() for b in self.bases],
            "external": None if self.external is None else str(self.external),
            "syntax": None if self.syntax is None else str(self.syntax),
            "key": self.key,
            "dockerfile": None if self.external else _text_json(self.template, self.dockerfile),
            "test": None if self.test is None else _text_json(self.test_template, self.test),
            **({"checks": [check.with_files() for check in self.checks]} if self.checks else {}),
            "rootfs": [e.to_json() for e in self.rootfs],
            "labels": dict(sorted(self.labels.items())),
            "arguments": dict(self.arguments),
            "contexts": [
                c.to_json() | ({"entries": [e.to_json() for e in c.entries]} if c.kind == "folder" else {})
                for c in self.contexts
            ],
            "secrets": list(self.secrets),
            "ssh": list(self.ssh),
            "entitlements": list(self.entitlements),
            "gates": self.gates.to_json() if gates is None else gates,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class Plan:
    """All targets in build order, and their project."""

    project: Project
    targets: tuple[Target, ...]
    lock_state: LockState = "none"
    unlocked: tuple[Reference, ...] = ()  # external bases and tools missing from the lock
    snapshot_id: str | None = None
    tools: Mapping[str, Reference] = field(default_factory=lambda: MappingProxyType({}))  # pinned if locked
    format_version: int = FORMAT_VERSION
    source: Source | None = field(default=None, repr=False, compare=False)  # to read rootfs contents
    # by folder of images/, as far as they can be stored
    definitions: Mapping[str, StoredDefinitions] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def by_id(self) -> Mapping[str, Target]:
        """Targets by id."""
        return MappingProxyType({t.id: t for t in self.targets})

    @property
    def builder(self) -> str:
        """The builder's version: an input of every key."""
        return self.project.tools.builder

    @property
    def images(self) -> tuple[str, ...]:
        """Image names, sorted."""
        return tuple(sorted({t.image for t in self.targets}))

    def groups(self) -> tuple[tuple[str, tuple[Target, ...]], ...]:
        """`image:tag` and the targets of its platforms, in build order: one index each."""
        out: dict[str, list[Target]] = {}
        for target in self.targets:
            out.setdefault(target.name, []).append(target)
        return tuple((name, tuple(targets)) for name, targets in out.items())

    def origin(self, target: Target) -> str | None:
        """The external base that a target's image begins with, itself or by its internal bases; None for `scratch` and
        for an image that was imported."""
        base = target.final_base if target.external is None else None
        while base and base.target_id:
            below = self.by_id.get(base.target_id)
            base = below.final_base if below and below.external is None else None
        return str(base.reference) if base and base.reference else None

    def dependents(self, target_id: str) -> tuple[str, ...]:
        """Ids of all direct and indirect dependents of a target, in build order."""
        inside = {target_id}
        for target in self.targets:
            if inside.intersection(target.internal_bases):
                inside.add(target.id)
        return tuple(t.id for t in self.targets if t.id in inside and t.id != target_id)

    def to_data(self) -> dict[str, object]:
        """The plan as data."""
        return {**self._head(), "targets": list(self._targets())}

    def _targets(self) -> Iterator[dict[str, object]]:
        gates = {id(target.gates): target.gates for target in self.targets}  # most targets have the project's
        known = {identity: of_some.to_json() for identity, of_some in gates.items()}
        return (target.to_json(known[id(target.gates)]) for target in self.targets)

    def _head(self) -> dict[str, object]:
        return {
            "format_version": self.format_version,
            "project": self.project.project,
            "snapshot_id": self.snapshot_id,
            "lock": {"state": self.lock_state, "missing": [str(r) for r in self.unlocked]},
            "tools": {name: str(ref) for name, ref in self.tools.items()},
        }

    def to_json(self) -> str:
        """The plan as JSON, the same bytes for the same catalogue, lock and options; one target per line."""
        head = pretty(self._head()).removesuffix("\n}\n")
        targets = ",\n".join("    " + _ENCODE(target) for target in self._targets())
        return f'{head},\n  "targets": [\n{targets}\n  ]\n}}\n'


@lru_cache(maxsize=16_384)  # texts, which the tags of an image often share
def _text_json(template: str | None, text: str) -> Mapping[str, str | None]:
    return {"template": template, "digest": f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"}
