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
from tests.catalogue.bad_input import GOOD
from tests.fuzz.hostile import changed_texts, hostile_texts, to_bytes
from tests.fuzz.target import Target

_PLATFORMS = (Platform("linux", "amd64"), Platform("linux", "arm", "v7"))
_ARGUMENTS = {"V": "2", "W": "$V", "U": ""}
_TOKENS = [
    *(
        "FROM ",
        "AS x",
        "COPY ",
        "--from=",
        "RUN ",
        "--mount=",
        "ADD ",
        "ONBUILD ",
        "ARG ",
        "ENV ",
        "LABEL ",
        "\\\n",
        "`\n",
    ),
    *(
        "<<EOF",
        "<<-'E'",
        "\nEOF\n",
        "# syntax=",
        "# escape=`\n",
        "#",
        "$V",
        "${V:-",
        "${V%",
        "${V//",
        "}",
        "{",
        '"',
        "'",
    ),
    *(
        "\r",
        "\r\n",
        "\n",
        "\t",
        " ",
        "\x0b",
        "\x0c",
        "\u2028",
        "=",
        ",",
        '["a", "b"]',
        "[" * 3000,
        '{"syntax": "a"}',
    ),
    *(
        "type=secret,id=",
        'type=bind,"from=q:1"',
        "ssh",
        "http://[",
        "https://x/y.git#",
        "git@x:y",
        "--checksum=",
        "\\",
    ),
    *(
        "/\\1",
        "**",
        "${",
        "$(",
        "--platform=$BUILDPLATFORM ",
        "scratch",
        "rootfs/",
        "0",
        "٣",
        "²",
        "--",
        "type=bind,\rx",
    ),
]
_FLAGS = [
    *(
        "--from=x",
        "--from=0",
        "--from=",
        "--from='q'",
        "--chown=$V",
        "--link",
        "--platform=$TARGETPLATFORM",
        "--platform=x",
    ),
    *(
        "--mount=type=bind,from=q:1",
        '--mount=type=bind,"from=q:1",target=/a',
        '--mount="type=secret,id=a"',
        '--mount="\r"',
    ),
    *(
        "--mount=type=secret,target=/x/",
        "--mount=type=ssh,required",
        '--mount="a,""b"',
        "--checksum=sha256:x",
        "--",
        "---",
    ),
    *(
        "--keep-git-dir",
        "--exclude=**/[",
        "--parents",
        "--network=host",
        "--security=insecure",
        "--mount=",
        "--mount",
    ),
]
_WORDS = [
    *(
        "a",
        ".",
        "/x",
        "*",
        "[",
        "[a",
        "a]",
        "\\",
        "http://[",
        "https://[::1]/x.git",
        "https://x/y.git#main:z",
        "git@x:y",
    ),
    *(
        '["a", "/b"]',
        '["a",',
        '[["a"]]',
        '["\\ud800", "/b"]',
        "[" * 3000,
        "<<EOF",
        "<<-'E'",
        "$V",
        "${V:-a}",
        "${V%%*}",
        "${",
    ),
    *(
        "k=v",
        'k="v w"',
        "k='",
        "=",
        "AS",
        "as x",
        "scratch",
        "rootfs/",
        "0",
        "²",
        "٣",
        "\ud800",
        "&&",
        "|",
        "#",
        "\t",
    ),
]
_KEYWORDS = [
    *(
        "FROM",
        "from",
        "COPY",
        "ADD",
        "RUN",
        "ARG",
        "ENV",
        "LABEL",
        "ONBUILD COPY",
        "ONBUILD RUN",
        "ONBUILD ONBUILD",
        "USER",
    ),
    *(
        "VOLUME",
        "HEALTHCHECK CMD",
        "SHELL",
        "MAINTAINER",
        "X",
        "ONBUILD",
        "ONBUILD FROM",
        "EXPOSE",
        "CMD",
        "STOPSIGNAL",
    ),
]
_lines = st.builds(
    lambda keyword, flags, words, between, end: between.join([keyword, *flags, *words]) + end,
    st.sampled_from(_KEYWORDS),
    st.lists(st.sampled_from(_FLAGS), max_size=2),
    st.lists(st.sampled_from(_WORDS) | hostile_texts, max_size=4),
    st.sampled_from([" ", " ", " ", "\t", " \\\n", " \\\n# c\n"]),
    st.sampled_from(["\n", "\n", "\n", "\r\n", "\nEOF\n", " \\\n", ""]),
)
_grammar = st.builds(
    lambda head, lines: head + "".join(lines),
    st.sampled_from(["FROM base:0\n", "", "# escape=`\n"]),
    st.lists(_lines, max_size=6),
)
_contents = [*made.DOCKERFILES, *(f"FROM base:0\n{part}\nRUN x\n" for part in made.PARTS)]


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


_texts = changed_texts(_contents, _TOKENS) | _grammar
_planned = changed_texts(
    ["FROM base:2025.09\nRUN install\n", "FROM debian:12 AS x\nFROM base:2025.09\nCOPY --from=x /a /b\n"],
    _TOKENS,
)
TARGETS = (
    Target("dockerfile", (_texts | made.dockerfiles).map(to_bytes), read_dockerfile, examples=120),
    Target(
        "words",
        (changed_texts(made.WORDS, _TOKENS) | made.words).map(to_bytes),
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
                ["FROM a\nCOPY a/ /x\nADD web/a/b.txt /y\nRUN --mount=type=bind,source=a x\n"], _TOKENS
            )
            | _texts,
        ),
        read_imported,
        examples=60,
    ),
)
