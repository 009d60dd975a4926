"""Targets that are built and examined, and not published: what publishing and promotion begin with."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipeline.catalogue import Source
from pipeline.config import Lock
from pipeline.model import Digest, Mirrors, Reference, Repository
from pipeline.model.descriptor import OCI_MANIFEST
from pipeline.plan import Plan, make_plan
from pipeline.plan.plan import Target
from pipeline.policy import Evidence, Inventory, Revision, Scan, TestCase, TestReport, Tool
from pipeline.provenance import BUILD_TYPE
from pipeline.registry import Registry
from pipeline.registry.http.messages import Request, Response
from pipeline.run import LazyEngine, RunContext, RunLimits, RunResult, Stage, run
from pipeline.run.target.examination.sbom_subject import serial_of
from pipeline.state.record import Record
from pipeline.state.records import Records
from pipeline.util.json.canonical import compact
from pipeline.util.progress import ProgressCallback, ProgressEvent
from tests.registry import images
from tests.tools.signing.bundles import pair, public

DEBIAN = Reference.parse("docker.io/library/debian:12")
PUBLIC = public()
_names = itertools.count()


@dataclass
class Fleet:
    """One image tag of two platforms that is built and examined, and not published."""

    context: RunContext
    events: list[ProgressEvent] = field(default_factory=list)

    async def run(self, until: Stage, environments: int = 1) -> RunResult:
        """A run as another process makes it: with a client of its own, which has seen nothing. It promotes to so many
        environments."""
        async with Registry() as registry:
            self.requests = recorded(registry)
            to = (
                self.context.plan.project.environments[1 : 1 + environments] if until is Stage.PROMOTE else ()
            )
            return await run(replace(self.context, registry=registry), until, to)

    def repeated(self, *methods: str) -> dict[str, int]:
        """The requests of the last run that were made more than once."""
        counts = Counter(f"{r.method} {r.target}" for r in self.requests if r.method in methods)
        return {request: count for request, count in counts.items() if count > 1}


def recorded(registry: Registry) -> list[Request]:
    """A list that each request of a client is added to."""
    requests: list[Request] = []
    transport = registry._transport
    send, stream = transport.send, transport.stream

    async def recorded_send(request: Request) -> Response:
        requests.append(request)
        return await send(request)

    def recorded_stream(request: Request) -> Any:
        requests.append(request)
        return stream(request)

    transport.stream = recorded_stream  # type: ignore[method-assign]
    transport.send = recorded_send  # type: ignore[method-assign]
    return requests


def plan(registry: str, more: Mapping[str, str] = MappingProxyType({})) -> Plan:
    """A plan of one image tag of two platforms, and of whatever `more` files add; every tool is locked."""
    number = next(_names)
    files = {
        "lockage.yml": f"version: 1\nproject: p{number}\nbases: [debian:12]\nbuilds: count{number}/builds\n"
        "platforms: [linux/amd64, linux/arm64]\n"
        f"vulnerability_db: {registry}/count{number}/db:1\n"
        f"environments:\n- {{name: dev, repository: 'count{number}/dev/{{image}}'}}\n"
        f"- {{name: prod, repository: 'count{number}/prod/{{image}}'}}\n"
        f"- {{name: live, repository: 'count{number}/live/{{image}}'}}\n",
        "images/app/image.yml": "tags: [1.2.3]\n",
        "images/app/Dockerfile.tmpl": "FROM debian:12\nUSER 1\n",
        **more,
    }
    return make_plan(Source.of(files), lock=Lock.of({DEBIAN: Digest.of(b"debian")}))


async def make_fleet(registry: Registry, made: Plan, folder: Path) -> Fleet:
    """The targets of a plan, built and examined."""
    database = await push_image(registry, made.project.vulnerability_db.repository, "database", tag="1")
    events: list[ProgressEvent] = []
    context = context_of(registry, made, folder, events.append)
    records = Records(context.store(), made.targets)
    for target in made.targets:
        await know(context, records, target, database)
    return Fleet(context, events)


def context_of(registry: Registry, made: Plan, folder: Path, report: ProgressCallback) -> RunContext:
    """The context of a run of targets that are known."""
    return RunContext(
        plan=made,
        registry=registry,
        engine=LazyEngine(_no_engine),
        host=made.project.vulnerability_db.repository.host,
        mirrors=Mirrors(),
        signing=pair(),
        revision=Revision("a" * 40, created=1_800_000_000),
        today=date(2026, 11, 26),
        contexts=folder / "contexts",
        cache=folder / "cache",
        limits=RunLimits.of(2),
        report=report,
    )


async def _no_engine() -> Any:
    raise AssertionError("a run of known targets needs no engine")


async def push_image(registry: Registry, repository: Repository, seed: str, tag: str) -> Digest:
    image = images.image(seed, platforms=("linux/amd64",), layers=1)
    for descriptor, content in image.blobs.items():
        await registry.put_blob(repository, content, descriptor)
    child = image.children[0]
    await registry.put_manifest(repository, child.raw, OCI_MANIFEST, tag=tag)
    return child.digest


async def know(
    context: RunContext,
    records: Records,
    target: Target,
    database: Digest,
    report: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Leave a target as a run up to its verdict does; `report` is more of its signed findings."""
    assert target.key
    image = images.image(target.id, platforms=(str(target.platform),), layers=2)
    for descriptor, content in image.blobs.items():
        await context.registry.put_blob(records.repository, content, descriptor)
    manifest = image.children[0]
    await context.registry.put_manifest(records.repository, manifest.raw, OCI_MANIFEST, tag=target.key)
    tools = context.tools
    evidence = Evidence(
        100,
        Inventory(
            Tool("syft", tools.version("syft")), 3, {}, serial=serial_of(context, target, manifest.digest)
        ),
        Scan(Tool("trivy", tools.version("trivy"), "2026-11-26", str(database)), (), ()),
    )
    documents = {kind: compact({"of": f"{target.id} {kind}"}) for kind in ("cyclonedx-json", "spdx-json")}
    documents["trivy-json"] = json.dumps(
        {"SchemaVersion": 2, "CreatedAt": "2026-11-26", "of": target.id, **report}
    ).encode()
    await records.write(Record(target.key, manifest.digest, evidence), documents)


async def provide(fleet: Fleet) -> None:
    """Let the records have provenance and results of tests, as this version builds images."""
    records = Records(fleet.context.store(), fleet.context.plan.targets)
    for target in fleet.context.plan.targets:
        record = await records.find(target.key or "")
        assert record
        tests = TestReport(Tool("container-structure-test", "1"), (TestCase("starts", True),))
        record = replace(record, evidence=replace(record.evidence, tests=tests), tests=Digest.of(b"tests"))
        predicate = {"buildDefinition": {"buildType": BUILD_TYPE, "of": target.id}}
        await records.write(record, {"slsa-provenance": compact(predicate)})
