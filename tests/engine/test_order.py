"""A build as the command line of buildctl."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import Any, cast

import pytest

from pipeline.engine.buildkit.order import BuildOrder, arguments, frontend_options, output
from pipeline.model import Platform, Reference, Repository

NOTHING: Any = cast(Any, object())  # a Dagger value that nobody looks at
ORDER = BuildOrder(
    target="app/1.0/linux-amd64",
    dockerfile="FROM scratch\n",
    context=NOTHING,
    platform=Platform("linux", "arm", "v7"),
    destination=Repository("localhost:5000", "lockage/builds"),
    epoch=1_800_000_000,
)


def values(order: BuildOrder, option: str) -> list[str]:
    line = arguments(order)
    return [line[n + 1] for n, word in enumerate(line) if word == option]


def test_the_epoch_and_the_platform_are_always_given() -> None:
    assert frontend_options(ORDER) == {
        "platform": "linux/arm/v7",
        "build-arg:SOURCE_DATE_EPOCH": "1800000000",
    }


@pytest.mark.parametrize("value", ["a,b", 'say "hello"', "two\nlines", " spaces ", "", "a=b"])
def test_annotations_survive_the_exporters_commas_and_quotes(value: str) -> None:
    text = output(replace(ORDER, annotations={"org.example.x": value}))
    [fields] = csv.reader(text.splitlines(keepends=True), strict=True)
    assert f"annotation.org.example.x={value}" in fields
    assert "name=localhost:5000/lockage/builds" in fields and "push-by-digest=true" in fields


def test_what_a_dockerfile_may_use_is_named_by_id_and_path_alone() -> None:
    order = replace(
        ORDER,
        secrets={"token": NOTHING},
        ssh_agents={"default": NOTHING},
        ssh_keys={"deploy": NOTHING},
        entitlements=("network.host",),
    )
    assert values(order, "--secret") == ["id=token,src=/run/secrets/token"]
    assert values(order, "--ssh") == ["default=/run/ssh/default", "deploy=/run/ssh/deploy"]
    assert values(order, "--allow") == ["network.host"]


def test_contexts_frontends_and_attestations_are_options_of_the_frontend() -> None:
    order = replace(
        ORDER,
        syntax=Reference.parse("docker.io/docker/dockerfile:1@sha256:" + "a" * 64),
        contexts={"base": "docker-image://localhost:5000/x@sha256:" + "b" * 64},
        folders={"src": NOTHING},
        build_arguments={"B": "2", "A": "1=1"},
        attestations={"provenance": "mode=max"},
        no_cache=True,
    )
    found = frontend_options(order)
    assert found["build-arg:BUILDKIT_SYNTAX"].startswith("docker.io/docker/dockerfile:1@sha256:")
    assert found["context:base"].startswith("docker-image://") and found["context:src"] == "local:context-0"
    assert found["build-arg:A"] == "1=1" and found["attest:provenance"] == "mode=max"
    assert values(order, "--local")[-1] == "context-0=/in/contexts/0"
    assert "--no-cache" in arguments(order)
