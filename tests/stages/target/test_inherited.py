"""The external images below a target's internal bases, which its provenance names."""

from __future__ import annotations

from pipeline.catalogue import Source
from pipeline.config import Lock
from pipeline.model import Digest, Reference
from pipeline.plan import make_plan
from pipeline.run.provenance.build_provenance import _inherited

DEBIAN, ALPINE, BUSYBOX = map(Reference.parse, ("debian:12", "alpine:3", "busybox:1"))
FILES = {
    "lockage.yml": "version: 1\nproject: p\nbases: [debian:12, alpine:3, busybox:1]\n",
    "images/low/Dockerfile.tmpl": "FROM debian:12\n",
    "images/other/Dockerfile.tmpl": "FROM alpine:3 AS a\nFROM debian:12\nCOPY --from=a /a /\n",
    "images/middle/Dockerfile.tmpl": "FROM low:1.0.0\n",
    "images/top/Dockerfile.tmpl": "FROM busybox:1 AS b\nFROM middle:1.0.0\nCOPY --from=other:1.0.0 /a /\n",
}
FILES |= {f"images/{name}/image.yml": "tags: [1.0.0]\n" for name in ("low", "other", "middle", "top")}
LOCK = Lock.of({image: Digest.of(str(image).encode()) for image in (DEBIAN, ALPINE, BUSYBOX)})


def test_each_once_and_none_of_the_targets_own() -> None:
    plan = make_plan(Source.of(FILES), lock=LOCK)
    found = {t.image: [r.repository.path for r in _inherited(plan, t)] for t in plan.targets}
    assert {image: sorted(paths) for image, paths in found.items()} == {
        "low": [],
        "other": [],
        "middle": ["library/debian"],
        "top": ["library/alpine", "library/debian"],
    }
    built = [target for target in plan.targets if target.image in ("low", "other", "middle")]
    in_order = dict.fromkeys(r.repository.path for target in built for r in target.external_bases)
    assert found["top"] == list(in_order)
