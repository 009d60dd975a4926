"""Labels of an image and annotations of its manifest."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from pipeline.run.target.labels import OCI, image_labels, manifest_annotations

CREATED = {f"{OCI}created": "2026-11-26T00:00:00Z", f"{OCI}revision": "abc"}
BASE = {f"{OCI}base.name": "docker.io/library/debian:bookworm-slim", f"{OCI}base.digest": "sha256:1"}
OURS = {f"{OCI}title": "app", f"{OCI}version": "1.0", "team": "platform"}


def target(**own: str | None) -> Any:
    """A target whose Dockerfile sets these labels; `_` stands for what the specification names begin with."""
    found = {key.replace("_", OCI, 1): value for key, value in own.items()}
    return cast(Any, SimpleNamespace(labels=OURS, dockerfile_labels=found))


def test_ours_where_the_dockerfile_sets_none() -> None:
    assert image_labels(target(), CREATED) == OURS | CREATED
    assert manifest_annotations(target(), CREATED, BASE) == OURS | CREATED | BASE


def test_a_label_of_the_dockerfile_is_not_replaced_whatever_it_is() -> None:
    own = target(_title="mine", _created="1999-01-01T00:00:00Z", team="other")
    assert image_labels(own, CREATED) == {f"{OCI}version": "1.0", f"{OCI}revision": "abc"}


def test_annotations_are_the_labels_but_for_those_of_this_build() -> None:
    own = target(_title="mine", _vendor="Acme", _created="1999-01-01T00:00:00Z", other="no annotation")
    found = manifest_annotations(own, CREATED, BASE)
    assert found[f"{OCI}title"] == "mine" and found[f"{OCI}vendor"] == "Acme"
    assert found[f"{OCI}created"] == CREATED[f"{OCI}created"] and "other" not in found


def test_a_value_that_the_build_alone_knows_is_no_annotation() -> None:
    assert f"{OCI}version" not in manifest_annotations(target(_version=None), CREATED, BASE)
