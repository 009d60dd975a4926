"""A plan with everything that provenance names, and builds of it."""

from __future__ import annotations

from typing import Any

from pipeline.catalogue import Source
from pipeline.config import Lock
from pipeline.model import Digest, Reference
from pipeline.plan import Plan, make_plan
from pipeline.policy import Revision
from pipeline.provenance import Build, Origin

DEBIAN = Reference.parse("docker.io/library/debian:12")
BUILDKIT = Reference.parse("docker.io/moby/buildkit:v0.32.2")
COMMIT = "a" * 40
FILES = {
    "lockage.yml": "version: 1\nproject: p\nbases: [debian:12]\nbuilds: p/builds\n"
    "secrets: {npm: {env: NPM}}\nenvironments:\n- {name: dev, repository: 'p/dev/{image}'}\n",
    "images/base/image.yml": "tags: [1.2.3]\n",
    "images/base/Dockerfile.tmpl": "FROM debian:12\nUSER 1\n",
    "images/app/image.yml": "tags: [1.2.3]\n",
    "images/app/Dockerfile.tmpl": "FROM base:1.2.3\nCOPY rootfs /\n",
    "images/app/rootfs/etc/app": "content\n",
    "images/private/image.yml": "tags: [1.2.3]\nsecrets: [npm]\n",
    "images/private/Dockerfile.tmpl": "FROM debian:12\nRUN --mount=type=secret,id=npm true\n",
    "images/fetched/image.yml": "tags: [1.2.3]\ncontexts: {src: 'https://example.org/src.git#v1'}\n",
    "images/fetched/Dockerfile.tmpl": "FROM debian:12\nCOPY --from=src / /src/\n",
}


def plan() -> Plan:
    """The plan, with one platform."""
    lock = Lock.of({DEBIAN: Digest.of(b"debian"), BUILDKIT: Digest.of(b"buildkit")})
    return make_plan(Source.of(FILES), lock=lock)


def build(image: str = "app", **other: Any) -> Build:
    """A build of an image's target."""
    made = plan()
    target = next(target for target in made.targets if target.image == image)
    builds = Reference.parse("registry.example/p/builds").repository
    values: dict[str, Any] = {
        "bases": {id: builds.at(Digest.of(id.encode())) for id in target.internal_bases},
        "inherited": (DEBIAN.pinned(Digest.of(b"debian")),) if target.internal_bases else (),
        "tools": made.tools,
        "revision": Revision(COMMIT, created=1_800_000_000, branch="main"),
        "origin": Origin(repository="https://git.example/acme/images.git", path="containers"),
        "versions": {"lockage": "1", "buildkit": "v0.32.2"},
        "epoch": 1_793_491_200,
        "started": 1_800_000_100,
        "finished": 1_800_000_200,
    }
    return Build(target, **{**values, **other})
