"""Patterns of .dockerignore and of COPY."""

from __future__ import annotations

from pathlib import Path

from pipeline.importing.dockerignore import DockerIgnore, is_wild, matched
from tests.fuzz.hostile import changed_texts, to_bytes
from tests.fuzz.target import Target

_TOKENS = [
    "*",
    "**",
    "?",
    "[",
    "]",
    "[a-z]",
    "[^",
    "-",
    "\\",
    "!",
    "/",
    "**/",
    "/**",
    "..",
    ".",
    "#",
    "\n",
    "a",
    "{a,b}",
]
_EXAMPLES = [
    "**/node_modules\n!keep\n*.log\n",
    "a/[b-c]*/d?\n# c\n",
    "/a/../b\n**/*.py[co]\n",
    "*\n!*/\n!**/x\n",
]
PATHS = (
    "a",
    "a/b",
    "a/b/c.log",
    ".git/config",
    "node_modules/x/y.py",
    "keep",
    "a b/é",
    "x" * 60,
    "-",
    "[",
    "*",
)


def read_patterns(content: bytes, folder: Path) -> None:
    """A .dockerignore, and each of its lines as a source of COPY."""
    text = content.decode("utf-8", "replace")
    for line in text.split("\n")[:20]:
        is_wild(line)
        try:
            chosen = matched(PATHS, [line])
        except ValueError as error:
            if type(error) is not ValueError:
                raise
        else:
            assert chosen <= set(PATHS)
    ignore = DockerIgnore.parse(text)
    for path in PATHS:
        ignore.ignores(path)


TARGETS = (
    Target(
        "patterns",
        changed_texts(_EXAMPLES, _TOKENS).map(to_bytes),
        read_patterns,
        errors=(ValueError,),
        examples=200,
    ),
)
