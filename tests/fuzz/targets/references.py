"""References, digests, platforms, templates of tags, mirrors: what is parsed at the edge."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.model import Digest, Platform, Reference, Repository, TagTemplate
from pipeline.model.mirrors import Mirrors
from pipeline.util.printable import safe_json, safe_line, safe_text, safe_value
from pipeline.util.timestamps import LAST_SECOND, format_timestamp, parse_timestamp
from tests.fuzz.hostile import changed_texts, to_bytes
from tests.fuzz.target import Target

_TOKENS = [
    *(
        ":",
        "/",
        "@",
        ".",
        "..",
        "_",
        "__",
        "-",
        "localhost",
        "docker.io/",
        "index.docker.io/",
        "library/",
        "[::1]",
        "[",
        "]",
    ),
    *(
        ":5000/",
        "@sha256:" + "f" * 64,
        "@sha512:" + "e" * 128,
        "a",
        "A",
        "latest",
        "1a" * 32,
        "linux/",
        "arm",
        "/v8",
        "amd64",
    ),
    *(
        "x86_64",
        "windows/",
        "{sha}",
        "{short}",
        "{branch}",
        "{pr}",
        "{tag}",
        "{",
        "}",
        "%",
        "~",
        "\n",
        "\x1b[0m",
        "::",
        "##[",
    ),
]
_EXAMPLES = [
    *("debian", "ghcr.io/acme/app:1.0.0", "localhost:5000/a/b@sha256:" + "0" * 64, "a:1@sha512:" + "1" * 128),
    *(
        "linux/amd64",
        "linux/arm/v7",
        "linux/386",
        "arm64/v8",
        "ci-{sha}-{tag}",
        "{branch}-{short}",
        "sha256:" + "a" * 64,
    ),
    *("a\x1b[1m::x\n##[y]", "section_start:1:s\r", "\ufe0fx☂\ufe0f"),
]


def _refused(parse: Callable[[str], Any], text: str) -> Any:
    """A value, or None where it is refused as documented."""
    try:
        return parse(text)
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        return None


def _looks_like_a_host(component: str) -> bool:
    return "." in component or ":" in component or component == "localhost"


def read_references(content: bytes, folder: Path) -> None:
    """Each parser: what it accepts is written as text that it reads as the same."""
    text = content.decode("utf-8", "surrogatepass")
    for parse in (
        Reference.parse,
        Repository.parse,
        Digest,
        Platform.parse,
        Platform.parse_any,
        TagTemplate.parse,
    ):
        value = _refused(parse, text)
        if value is not None:
            assert parse(str(value)) == value, (parse, str(value))
            assert str(value).isascii() and str(value).isprintable(), str(value)
    reference = _refused(Reference.parse, text)
    if reference is not None:
        # distribution's familiar form of docker.io/a.b/c is a.b/c, which names another host
        if not _looks_like_a_host(reference.repository.path.partition("/")[0]):
            assert Reference.parse(reference.familiar) == reference
        with suppress(UsageError):
            Mirrors.parse({"docker.io": "localhost:5000/hub"}).locate(reference)
    if (template := _refused(TagTemplate.parse, text)) is not None:
        template.fill({"sha": "0" * 40, "short": "0" * 7, "branch": text, "pr": "1", "tag": "1.0.0"})
    _refused(lambda prefix: Mirrors.parse({"docker.io": prefix}), text)
    for safe in (safe_line, safe_text, safe_value, safe_json):
        assert safe(safe(text)) == safe(text)
    if len(text) < 20 and text.isdecimal():
        _check_timestamp(int(text))


def _check_timestamp(seconds: int) -> None:
    """A time is written and read as the same, up to the year 9999."""
    try:
        text = format_timestamp(seconds)
    except OverflowError:
        assert seconds > LAST_SECOND
        return
    assert parse_timestamp(text) == seconds <= LAST_SECOND


TARGETS = (
    Target(
        "references",
        changed_texts(_EXAMPLES, _TOKENS).map(to_bytes),
        read_references,
        errors=(UnicodeDecodeError,),
        examples=200,
    ),
)
