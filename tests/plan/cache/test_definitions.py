"""Definitions that were stored: those of the models, and valid as long as nothing that they depend on changes."""

from dataclasses import fields

import pytest
from hypothesis import given, settings

from pipeline.catalogue import Source, SourceFile
from pipeline.catalogue.cascade import resolve
from pipeline.catalogue.definition import Definition, Position
from pipeline.catalogue.discover import discover_images
from pipeline.plan.cache.definitions import StoredDefinitions, state_of
from tests.catalogue.sample import folder, image, source
from tests.plan.changes.test_affected_laws import catalogues

EVERYTHING = """\
name: every
title: T
description: D
platforms: [linux/arm/v7, amd64]
version_strategy: calver
aliases: false
versions: {zlib: 1.10, b: "2"}
variables: {z: [1, yes, "3"], a: {true: false, n: }, text: '12', many: [[x], []]}
labels: {k: v}
args: {A: "1"}
contexts: {here: ./data, there: docker-image://debian:12}
secrets: [token]
ssh: [default]
template: Other.tmpl
test_template: other.tpl
rootfs_user: node:node
rootfs_copy: false
tags:
  - {name: 2025.1.0, aliases: [new], variables: {z: 1}, secrets: [second]}
  - 2024.1.0
variants: [slim, {name: dev, suffix: _dev, template: Dev.tmpl, args: {B: b}}]
"""
FILES = folder("a", {"image.yml": EVERYTHING, "Other.tmpl": "", "data/f": "", "rootfs/etc/f": "x"}) | folder(
    "b", {"image.yml": "tags: [{name: 1.0.0, external: 'ghcr.io/acme/tools:1'}]\n"}
)


def of_models(of: Source, path: str) -> tuple[Definition, ...]:
    images = tuple(found for found in discover_images(of).images if found.folder == path)
    return resolve(of, images, [])


def plain(value):
    """A value whose positions are their files, lines and columns."""
    if isinstance(value, Position):
        return value.document.path, value.path, value.document.positions().of(value.path)
    if hasattr(value, "__dataclass_fields__"):
        return type(value), [plain(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, dict):  # templates see the order of keys
        return [(key, plain(inner)) for key, inner in value.items()]
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else (type(value), value)


@pytest.mark.parametrize("path", ["images/a", "images/b"])
def test_they_are_those_of_the_models(path):
    of = source(FILES)
    definitions = of_models(of, path)
    stored = StoredDefinitions.of(of, path, definitions)
    assert definitions and plain(stored.read(of)) == plain(definitions)


def test_every_field_has_another_value_than_its_default():
    """So that a field that is not stored fails the test above."""
    of = source(FILES)
    known = [d for path in ("images/a", "images/b") for d in of_models(of, path)]
    unset = {f.name for f in fields(Definition) if not any(getattr(d, f.name) for d in known)}
    assert unset == {"gates", "checks"}


@settings(max_examples=max(5, settings.default.max_examples // 4))
@given(catalogues())
def test_they_are_those_of_the_models_of_any_catalogue(states):
    for of in map(source, states):
        for path in (f"images/{name}" for name in of.levels("images")):
            definitions = of_models(of, path)
            stored = StoredDefinitions.of(of, path, definitions)
            assert stored is None or plain(stored.read(of)) == plain(definitions)


@pytest.mark.parametrize("more", ["gates: {size: {max: 1MB}}\n", "checks: {up: {command: [true]}}\n"])
def test_what_only_models_hold_is_not_stored(more):
    of = source(folder("a", image(more=more)))
    definitions = of_models(of, "images/a")
    assert definitions and StoredDefinitions.of(of, "images/a", definitions) is None


@pytest.mark.parametrize(
    ("edit", "same"),
    [
        ({"a/Other.tmpl": "FROM x\n", "a/rootfs/etc/g": "", "b/image.yml": "tags: [2.0.0]\n"}, True),
        ({"a/image.yml": EVERYTHING + "# end\n"}, False),
        ({"a/2025.1.0/Dockerfile.tmpl": ""}, False),
        ({"a/slim/image.yml": "labels: {a: b}\n"}, False),
        ({"a/Other.tmpl": SourceFile("link", target="x")}, False),
        ({"a/image.yml": SourceFile("link", target="x")}, False),
    ],
)
def test_they_depend_on_every_image_yml_and_on_what_is_there(edit, same):
    assert (state_of(source(FILES), "images/a") == state_of(source(FILES | edit), "images/a")) is same
