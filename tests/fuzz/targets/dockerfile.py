"""Dockerfiles, as a template renders them and as `lockage import` finds them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from pipeline.catalogue import Source
from pipeline.catalogue.rootfs import Rootfs
from pipeline.dockerfile.arguments import declared_arguments
from pipeline.dockerfile.bases import copies_rootfs, find_bases, inject_rootfs, rewrite_uses
from pipeline.dockerfile.expand import TooLong, Unresolved, expand
from pipeline.dockerfile.frontend import find_syntax
from pipeline.dockerfile.instructions import scan
from pipeline.dockerfile.labels import labels_of
from pipeline.dockerfile.mounts import credentials
from pipeline.dockerfile.run_platforms import run_platforms
from pipeline.importing import import_folder
from pipeline.model import Platform
from pipeline.plan import make_plan
from pipeline.plan.checks.copy_sources import missing_sources, moving_sources
from tests.catalogue import made
from tests.catalogue.bad_input.good import GOOD
from tests.fuzz.examples.dockerfile import TOKENS, contents, grammar
from tests.fuzz.hostile import changed_texts, to_bytes
from tests.fuzz.target import Target

_PLATFORMS = (Platform("linux", "amd64"), Platform("linux", "arm", "v7"))
_ARGUMENTS = {"V": "2", "W": "$V", "U": ""}


def read_dockerfile(content: bytes, folder: Path) -> None:
    """Everything that is asked of a Dockerfile's text."""
    text = content.decode("utf-8", "replace")
    file = scan(text)
    ends = [instruction.end for instruction in file.instructions]
    assert ends == sorted(ends) and all(end <= len(text) for end in ends)
    for instruction in file.instructions:
        for mounted in (instruction, instruction.later):
            if mounted is not None and mounted.keyword == "RUN":
                credentials(mounted)
    find_syntax(text)
    declared_arguments(text)
    for platform in _PLATFORMS:
        for arguments in ({}, _ARGUMENTS):
            uses = find_bases(text, platform, arguments)
            assert all(0 <= use.start <= use.end <= len(text) for use in uses.bases)
            assert rewrite_uses(text, platform, lambda use: None, arguments) == text
            labels_of(text, platform, arguments)
        find_bases(text, platform, {}, ("x", "a", "base:0"))
        run_platforms(text, platform)
    injected = inject_rootfs(text, "1000:1000")
    assert injected == text or not copies_rootfs(text)
    list(missing_sources(text, Rootfs()))
    list(moving_sources(text))


def read_words(content: bytes, folder: Path) -> None:
    """A word with variables."""
    text = content.decode("utf-8", "replace")
    for escape in "\\`":
        expand(text, {**made.VALUES, "N": None}, escape, ("D",))


def read_planned(content: bytes, folder: Path) -> None:
    """A Dockerfile as the whole of a template, and in a folder that is imported."""
    text = content.decode("utf-8", "replace")
    make_plan(Source.of({**GOOD, "images/app/Dockerfile.tmpl": text.replace("{", "{{ '{' }}")}))


def read_imported(content: bytes, folder: Path) -> None:
    """A folder of Dockerfiles with a .dockerignore."""
    ignored, _, text = content.decode("utf-8", "replace").partition("\x1e")
    files = {
        "Dockerfile": text,
        ".dockerignore": ignored,
        "web/Dockerfile": text,
        "web/Dockerfile.dev": "FROM web\nCOPY . /x\n",
        "web/a/b.txt": "x",
        "web/a/c d.txt": "y",
        "app/1.0/Dockerfile": "FROM a\n" + text,
    }
    import_folder(Source.of(files), "top", project="demo", prefixes=("ghcr.io/acme",))


_texts = changed_texts(contents, TOKENS) | grammar
_planned = changed_texts(
    ["FROM base:2025.09\nRUN install\n", "FROM debian:12 AS x\nFROM base:2025.09\nCOPY --from=x /a /b\n"],
    TOKENS,
)
TARGETS = (
    Target("dockerfile", (_texts | made.dockerfiles).map(to_bytes), read_dockerfile, examples=120),
    Target(
        "words",
        (changed_texts(made.WORDS, TOKENS) | made.words).map(to_bytes),
        read_words,
        errors=(Unresolved, TooLong),
        examples=200,
    ),
    Target("planned", (_planned | _texts).map(to_bytes), read_planned, examples=60),
    Target(
        "imported",
        st.builds(
            lambda ignored, text: to_bytes(f"{ignored}\x1e{text}"),
            changed_texts(
                ["**/node_modules\n!a\n*.log\n", "a/[b-c]*\n"], ["**", "*", "?", "[", "]", "\\", "!", "/"]
            ),
            changed_texts(
                ["FROM a\nCOPY a/ /x\nADD web/a/b.txt /y\nRUN --mount=type=bind,source=a x\n"], TOKENS
            )
            | _texts,
        ),
        read_imported,
        examples=60,
    ),
)
