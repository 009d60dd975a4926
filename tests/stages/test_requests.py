"""What a run requests of a real registry: every digest once, nothing twice that did not change in between."""

from __future__ import annotations

import base64
import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from pipeline.catalogue import Source
from pipeline.config import Lock
from pipeline.model import Digest, Mirrors, Reference, Repository
from pipeline.model.descriptor import OCI_MANIFEST
from pipeline.plan import Plan, make_plan
from pipeline.plan.changes import key_difference
from pipeline.plan.plan import Target
from pipeline.policy import Evidence, Inventory, Revision, Scan, Tool
from pipeline.registry import Registry
from pipeline.registry.http.messages import Request, Response
from pipeline.run import LazyEngine, RunContext, RunLimits, RunResult, Stage, Status, pipeline, run
from pipeline.run.publish.signer import Sign
from pipeline.run.target.build import Builder
from pipeline.run.target.inventory import serial_of
from pipeline.state import build_inputs
from pipeline.state.record import Record
from pipeline.state.records import Records
from pipeline.state.run_state import tag_of
from pipeline.trust import CYCLONEDX, SIGNATURE, SPDX, PublicKey, Statement, examine
from pipeline.trust.keypair import KeyPair
from pipeline.trust.statement import PAYLOAD_TYPE, pre_authentication_encoding
from pipeline.util.canonical_json import compact
from pipeline.util.progress import ProgressEvent
from tests.registry import images

pytestmark = [pytest.mark.real, pytest.mark.anyio]

DEBIAN = Reference.parse("docker.io/library/debian:12")
KEY = ec.derive_private_key(7, ec.SECP256R1())
PUBLIC = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
_names = itertools.count()


async def sign(name: str, statements: Sequence[Statement]) -> list[bytes]:
    """Bundles as cosign makes them, by a key in this process."""
    bundles = []
    for statement in statements:
        payload = statement.to_json()
        signature = KEY.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload), ec.ECDSA(SHA256()))
        envelope = {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode()}],
        }
        kind = "application/vnd.dev.sigstore.bundle.v0.3+json"
        bundles.append(json.dumps({"mediaType": kind, "dsseEnvelope": envelope}).encode())
    return bundles


@dataclass
class Fleet:
    """One image tag of two platforms that is built and examined, and not published."""

    context: RunContext
    events: list[ProgressEvent] = field(default_factory=list)

    async def run(self, until: Stage) -> RunResult:
        """A run as another process makes it: with a client of its own, which has seen nothing."""
        async with Registry() as registry:
            self.requests = recorded(registry)
            to = self.context.plan.project.environments[1] if until is Stage.PROMOTE else None
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


def plan(registry: str) -> Plan:
    """A plan of one image tag of two platforms; every tool is locked."""
    number = next(_names)
    files = {
        "lockage.yml": f"version: 1\nproject: p{number}\nbases: [debian:12]\nbuilds: count{number}/builds\n"
        "platforms: [linux/amd64, linux/arm64]\n"
        f"vulnerability_db: {registry}/count{number}/db:1\n"
        f"environments:\n- {{name: dev, repository: 'count{number}/dev/{{image}}'}}\n"
        f"- {{name: prod, repository: 'count{number}/prod/{{image}}'}}\n",
        "images/app/image.yml": "tags: [1.2.3]\n",
        "images/app/Dockerfile.tmpl": "FROM debian:12\nUSER 1\n",
    }
    return make_plan(Source.of(files), lock=Lock.of({DEBIAN: Digest.of(b"debian")}))


@pytest.fixture
async def fleet(olareg: str, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    made = plan(olareg)
    builds = made.project.builds_repository(embedded=olareg)
    database = await _push(registry, made.project.vulnerability_db.repository, "database", tag="1")

    events: list[ProgressEvent] = []

    async def no_engine() -> Any:
        raise AssertionError("a run of known targets needs no engine")

    def local_signer(_: RunContext) -> Sign:
        return sign

    monkeypatch.setattr(pipeline, "cosign_signer", local_signer)
    context = RunContext(
        plan=made,
        registry=registry,
        engine=LazyEngine(no_engine),
        host=olareg,
        mirrors=Mirrors(),
        signing=KeyPair(PUBLIC, "test"),
        revision=Revision("a" * 40, created=1_800_000_000),
        today=date(2026, 11, 26),
        contexts=tmp_path / "contexts",
        cache=tmp_path / "cache",
        limits=RunLimits.of(2),
        report=events.append,
    )
    records = Records(registry, builds)
    for target in made.targets:
        await _know(context, records, target, database)
    return Fleet(context, events)


async def _push(registry: Registry, repository: Repository, seed: str, tag: str) -> Digest:
    image = images.image(seed, platforms=("linux/amd64",), layers=1)
    for descriptor, content in image.blobs.items():
        await registry.put_blob(repository, content, descriptor)
    child = image.children[0]
    await registry.put_manifest(repository, child.raw, OCI_MANIFEST, tag=tag)
    return child.digest


async def _know(context: RunContext, records: Records, target: Target, database: Digest) -> None:
    """Leave a target as a run up to its verdict does."""
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
    documents["trivy-json"] = json.dumps({"CreatedAt": "2026-11-26", "of": target.id}).encode()
    await records.write(Record(target.key, manifest.digest, evidence), documents)


async def test_publishing_reads_every_digest_and_every_list_of_referrers_once(fleet: Fleet) -> None:
    result = await fleet.run(Stage.SIGN)
    (image,) = result.images
    assert image.status is Status.REUSED and image.signed, image
    assert fleet.repeated("GET", "POST") == _run_state_is_read_again(fleet)
    assert fleet.repeated("PUT") == {}
    heads = fleet.repeated("HEAD")
    commit_tag = f"HEAD /v2/{image.written[0].repository.path}/manifests/{image.written[0].tag}"
    assert heads == {commit_tag: 2}, "a tag is looked at again right before it is moved"
    listed = [r for r in fleet.requests if "/referrers/" in r.target]
    assert len(listed) == 3, "of the index and of each platform"


def _run_state_is_read_again(fleet: Fleet) -> dict[str, int]:
    """Before it is replaced: another run may have written it meanwhile."""
    builds, tag = fleet.context.builds, tag_of(fleet.context.plan.project.project)
    return {f"GET /v2/{builds.path}/manifests/{tag}": 2}


async def test_a_promotion_lists_only_referrers_again_because_they_changed(fleet: Fleet) -> None:
    result = await fleet.run(Stage.PROMOTE)
    (image,) = result.images
    assert len(image.promoted) == len(fleet.context.plan.targets[0].tags), image
    again = {r: n for r, n in fleet.repeated("GET", "POST").items() if "/referrers/" not in r}
    assert again == _run_state_is_read_again(fleet)
    assert set(fleet.repeated("GET").values()) == {2}


async def test_a_rerun_requests_the_tags_that_people_use(fleet: Fleet) -> None:
    first = await fleet.run(Stage.PROMOTE)
    second = await fleet.run(Stage.PROMOTE)
    assert [i.index for i in second.images] == [i.index for i in first.images]
    assert fleet.repeated("GET", "HEAD", "POST", "PUT") == {}
    assert len(second.images[0].promoted) == sum(r.method == "HEAD" for r in fleet.requests) - 1
    assert not any(r.method in ("PUT", "POST") for r in fleet.requests)


async def test_findings_of_newer_data_are_attested_beside_the_older_ones(fleet: Fleet) -> None:
    await fleet.run(Stage.SIGN)
    context = fleet.context
    project = replace(
        context.plan.project,
        vulnerability_db=replace(context.plan.project.vulnerability_db, tag="2"),
    )
    database = await _push(context.registry, project.vulnerability_db.repository, "newer database", tag="2")
    records = Records(context.registry, context.builds)
    for target in context.plan.targets:
        record = await records.find(target.key or "")
        assert record and record.evidence.scan
        tool = replace(record.evidence.scan.tool, data_digest=str(database))
        scan = replace(record.evidence.scan, tool=tool)
        report = json.dumps({"CreatedAt": "2026-11-27", "of": target.id}).encode()
        await records.write(
            replace(record, evidence=replace(record.evidence, scan=scan)), {"trivy-json": report}
        )
    fleet.context = replace(context, plan=replace(context.plan, project=project), today=date(2026, 11, 27))
    result = await fleet.run(Stage.SIGN)
    assert result.images[0].signed, result.images
    attached = [r for r in fleet.requests if r.method == "PUT" and "/manifests/sha256:" in r.target]
    assert len(attached) == 2, "new findings of each platform, and nothing that is attached already"
    assert not {r for r in fleet.repeated("GET") if "/referrers/" in r}


async def test_the_index_bears_a_bill_of_materials_of_its_own(registry: Registry, fleet: Fleet) -> None:
    (image,) = (await fleet.run(Stage.SIGN)).images
    assert image.index and image.pushed
    repository = image.pushed.repository
    verification = await examine(registry, repository, image.index, PublicKey(PUBLIC, "test"))
    assert sorted(s.predicate_type for s in verification.statements) == sorted([CYCLONEDX, SPDX, SIGNATURE])
    (document,) = (s.predicate for s in verification.statements if s.predicate_type == CYCLONEDX)
    assert str(image.index) in document["metadata"]["component"]["purl"]
    links = [component["externalReferences"][0]["url"] for component in document["components"]]
    digests = {ref.id: ref.reference.digest for ref in image.refs}
    serials = [
        serial_of(fleet.context, target, digest)
        for target in fleet.context.plan.targets
        if (digest := digests[target.id])
    ]
    assert sorted(links) == sorted(f"{serial.replace('uuid', 'cdx')}/1" for serial in serials)


async def test_bills_of_materials_made_again_are_attested_beside_the_older_ones(
    registry: Registry, fleet: Fleet
) -> None:
    (first,) = (await fleet.run(Stage.SIGN)).images
    records = Records(registry, fleet.context.builds)
    for target in fleet.context.plan.targets:
        record = await records.find(target.key or "")
        assert record
        newer = {kind: compact({"newer": kind}) for kind in ("cyclonedx-json", "spdx-json")}
        await records.write(replace(record, attested=None), newer)
    fleet.context = replace(fleet.context, today=date(2026, 11, 27))
    (second,) = (await fleet.run(Stage.SIGN)).images
    assert second.index == first.index and second.signed
    attached = [r for r in fleet.requests if r.method == "PUT" and "/manifests/sha256:" in r.target]
    assert len(attached) == 6, "two of each platform and, because it names theirs, of the index"
    (third,) = (await fleet.run(Stage.SIGN)).images
    assert third.signed and not any(
        r.method == "PUT" and "/manifests/sha256:" in r.target for r in fleet.requests
    )


async def test_a_record_is_read_once_and_written_for_later_runs(registry: Registry, fleet: Fleet) -> None:
    requests = recorded(registry)
    records = Records(registry, fleet.context.builds)
    key = fleet.context.plan.targets[0].key or ""
    first, second = await records.find(key), await records.find(key)
    assert first is second is not None and len(requests) == 1
    assert await records.find("f" * 64) is None
    assert await records.find("f" * 64) is None
    assert len(requests) == 3, "its record, then its image"


async def test_the_inputs_of_a_build_are_made_read_and_written_once(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []

    def inputs_of(plan: Plan, target_id: str) -> Any:
        computed.append(target_id)
        return key_difference.inputs_of(plan, target_id)

    async def build(
        self: Builder,
        target: Target,
        bases: Mapping[str, Digest],
        *,
        tag: str | None = None,
        reason: str = "",
    ) -> Record:
        assert reason == "it was never built before"
        return Record(target.key or "", Digest.of(target.id.encode()), Evidence(1))

    monkeypatch.setattr(build_inputs, "inputs_of", inputs_of)
    monkeypatch.setattr(Builder, "build", build)
    unknown = [
        replace(target, key=f"{number}" * 64) for number, target in enumerate(fleet.context.plan.targets)
    ]
    fleet.context = replace(fleet.context, plan=replace(fleet.context.plan, targets=tuple(unknown)))
    result = await fleet.run(Stage.BUILD)
    assert [target.status for target in result.targets] == [Status.BUILT, Status.BUILT]
    assert sorted(computed) == sorted(target.id for target in unknown)
    for target in unknown:
        tag = build_inputs.tag_of(target.id)
        made = [request.method for request in fleet.requests if request.target.endswith(f"/manifests/{tag}")]
        assert made == ["GET", "PUT"]
