"""What people write: lockage.yml, image.yml, the lock, templates. Read as `lockage plan` reads them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from pipeline.catalogue import Source, lock_of
from pipeline.config import LOCK_NAME, YamlProblem, load, read_lock
from pipeline.plan import make_plan
from tests.catalogue.bad_input.good import GOOD
from tests.fuzz.examples.catalogue import (
    IMAGES,
    LOCK,
    PROJECT,
    TEMPLATE_TOKENS,
    TEMPLATES,
    YAML_TEXTS,
    YAML_TOKENS,
)
from tests.fuzz.hostile import changed_json, changed_texts, changed_trees, encoded, to_bytes
from tests.fuzz.target import Target

_IMAGE = "images/app/image.yml"
FILES = {**GOOD, "images/_shared/node.tmpl": "RUN node {{ versions.node }}\n"}


def _named(name: str, contents: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    return contents.map(lambda content: name.encode() + b"\n" + content)


def _yaml_trees() -> SearchStrategy[bytes]:
    projects = changed_trees([PROJECT], [*PROJECT, "arguments", "mirrors", "trust", "ssh"])
    images = changed_trees(
        IMAGES, ["external", "template", "test_template", "contexts", "secrets", "rootfs_copy", "tags"]
    )
    return st.one_of(
        _named("lockage.yml", projects.map(lambda tree: to_bytes(encoded(tree)))),
        _named(_IMAGE, images.map(lambda tree: to_bytes(encoded(tree)))),
        _named("images/app/1.0.0/image.yml", images.map(lambda tree: to_bytes(encoded(tree)))),
        _named("images/app/1.0.0/slim/image.yml", images.map(lambda tree: to_bytes(encoded(tree)))),
    )


def read_yaml(content: bytes, folder: Path) -> None:
    """One file of a catalogue; the first line is its path."""
    name, _, text = content.partition(b"\n")
    path = name.decode("utf-8", "replace")
    source = Source.of({**FILES, path: text})
    try:
        positions = load(text, path).positions()
        assert all(line >= 1 and column >= 1 for line, column in positions.values.values())
    except YamlProblem:
        pass
    make_plan(source)


def read_locked(content: bytes, folder: Path) -> None:
    """A lock, beside a good catalogue."""
    source = Source.of({**FILES, LOCK_NAME: content})
    lock = lock_of(source)
    assert lock is not None
    assert read_lock(lock.to_bytes()) == lock
    make_plan(source, lock=lock)


_TEST = b"schemaVersion: 2.0.0\ncommandTests: [{name: a, command: b}]\n# {{ image }}: "


def read_template(content: bytes, folder: Path) -> None:
    """A template of a Dockerfile, of a part that it includes, and of a test."""
    part, _, text = content.partition(b"\x1e")
    make_plan(
        Source.of(
            {
                **FILES,
                "images/app/Dockerfile.tmpl": text,
                "images/_shared/node.tmpl": part,
                "images/app/test.yml.tpl": _TEST + part,
            }
        )
    )


_parts = changed_texts(["RUN node {{ versions.node }}\n", ""], TEMPLATE_TOKENS)
TARGETS = (
    Target(
        "yaml",
        _yaml_trees()
        | st.builds(
            lambda name, text: name + b"\n" + to_bytes(text),
            st.sampled_from([b"lockage.yml", _IMAGE.encode()]),
            changed_texts(YAML_TEXTS, YAML_TOKENS),
        ),
        read_yaml,
    ),
    Target("lock", changed_json([LOCK], ["digest", "format_version"]), read_locked),
    Target(
        "templates",
        st.builds(
            lambda part, text: to_bytes(f"{part}\x1e{text}"),
            _parts,
            changed_texts(TEMPLATES, TEMPLATE_TOKENS),
        ),
        read_template,
    ),
)
