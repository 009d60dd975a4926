"""One build as data, and as the command line of `buildctl build`."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.model import Platform, Reference, Repository
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    import dagger

CONTEXT = "/in/context"
DOCKERFILE = "/in/dockerfile"
CONTEXTS = "/in/contexts"  # folders of named contexts, by number
SECRETS = "/run/secrets"
SSH = "/run/ssh"
OUT = "/out"
METADATA = f"{OUT}/metadata.json"
PROGRESS = f"{OUT}/progress"
RESULT = f"{OUT}/result"
EPOCH = "SOURCE_DATE_EPOCH"
SYNTAX = "BUILDKIT_SYNTAX"


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """Everything that a build needs.

    `dockerfile` names bases by digest. The manifest is pushed to the repository `destination` by digest, without a tag.
    `epoch` (seconds since 1970) is the time of the image and of everything that the build makes. `labels` and
    `annotations` are those that the Dockerfile does not set. `secrets`, `ssh_agents` and `ssh_keys` are by id.
    `contexts` are named contexts in BuildKit's notation, `folders` those that are folders. `cache_from` and `cache_to`
    are the options of `caches`; `cache_folders` are the local ones by their path in the client's container,
    `cache_variables` the variables that buildctl reads for the others.
    """

    target: str
    dockerfile: str
    context: dagger.Directory
    platform: Platform
    destination: Repository
    epoch: int
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    annotations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    build_arguments: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    syntax: Reference | None = None
    contexts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    folders: Mapping[str, dagger.Directory] = field(default_factory=lambda: MappingProxyType({}))
    secrets: Mapping[str, dagger.Secret] = field(default_factory=lambda: MappingProxyType({}))
    ssh_agents: Mapping[str, dagger.Socket] = field(default_factory=lambda: MappingProxyType({}))
    ssh_keys: Mapping[str, dagger.Secret] = field(default_factory=lambda: MappingProxyType({}))
    entitlements: Sequence[str] = ()
    attestations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    cache_from: Sequence[str] = ()
    cache_to: Sequence[str] = ()
    cache_folders: Mapping[str, dagger.Directory] = field(default_factory=lambda: MappingProxyType({}))
    cache_variables: Mapping[str, dagger.Secret] = field(default_factory=lambda: MappingProxyType({}))
    no_cache: bool = False
    hint: str | None = None


def arguments(order: BuildOrder) -> list[str]:
    """The arguments of `buildctl build`, with paths inside the client's container (buildctl's reference, `build`)."""
    out = ["--frontend", "dockerfile.v0", "--progress", "rawjson", "--metadata-file", METADATA]
    out += ["--local", f"context={CONTEXT}", "--local", f"dockerfile={DOCKERFILE}"]
    for number, _ in enumerate(order.folders):
        out += ["--local", f"{_local(number)}={CONTEXTS}/{number}"]
    for name, value in frontend_options(order).items():
        out += ["--opt", f"{name}={value}"]
    for id in order.secrets:
        out += ["--secret", record({"id": id, "src": f"{SECRETS}/{id}"})]
    for id in (*order.ssh_agents, *order.ssh_keys):
        out += ["--ssh", f"{id}={SSH}/{id}"]
    for entitlement in order.entitlements:
        out += ["--allow", entitlement]
    for cache in order.cache_from:
        out += ["--import-cache", cache]
    for cache in order.cache_to:
        out += ["--export-cache", cache]
    if order.no_cache:
        out.append("--no-cache")
    return [*out, "--output", output(order)]


def frontend_options(order: BuildOrder) -> dict[str, str]:
    """The options of the Dockerfile frontend: platform, build arguments, labels, contexts, attestations."""
    out = {"platform": str(order.platform), f"build-arg:{EPOCH}": str(order.epoch)}
    if order.syntax:
        out[f"build-arg:{SYNTAX}"] = str(order.syntax)
    out |= {f"build-arg:{name}": value for name, value in sorted(order.build_arguments.items())}
    out |= {f"label:{name}": value for name, value in sorted(order.labels.items())}
    out |= {f"context:{name}": source for name, source in sorted(order.contexts.items())}
    out |= {f"context:{name}": f"local:{_local(number)}" for number, name in enumerate(order.folders)}
    out |= {f"attest:{kind}": value for kind, value in sorted(order.attestations.items())}
    return out


def output(order: BuildOrder) -> str:
    """The exporter: an OCI image, pushed by digest, every time in it that is later than the epoch set to the epoch."""
    fields = {
        "type": "image",
        "name": str(order.destination),
        "push": "true",
        "push-by-digest": "true",
        "oci-mediatypes": "true",
        "rewrite-timestamp": "true",
    }
    fields |= {f"annotation.{name}": value for name, value in sorted(order.annotations.items())}
    return record(fields)


def record(values: Mapping[str, str]) -> str:
    """`name=value` pairs as one record of comma-separated values, as buildctl reads them (RFC 4180)."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([f"{name}={value}" for name, value in values.items()])
    return line.getvalue().removesuffix("\n")


def _local(number: int) -> str:
    """The name of a named context's folder between buildctl and the frontend, whatever its own name is."""
    return f"context-{number}"
