"""The sources that COPY and ADD may use from the build context: Dockerfile, test.yml and rootfs/, nothing else."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator

from pipeline.catalogue.rootfs import Rootfs
from pipeline.dockerfile.instructions import Instruction, scanned
from pipeline.dockerfile.remote import is_git, is_pinned, is_remote
from pipeline.dockerfile.stages import used_instructions
from pipeline.dockerfile.words import unquoted

_NOT_FIXED = frozenset("$*?[\\")


def missing_sources(text: str, rootfs: Rootfs) -> Iterator[tuple[int, str, str]]:
    """Line, instruction and name of every source that will not be in the context.

    Wildcards and variables are left to the build, stages that it does not run are not checked.
    """
    present: set[str] = set()
    for instruction in used_instructions(text):
        if instruction.keyword not in ("COPY", "ADD") or instruction.flag("from") is not None:
            continue
        if not present:
            present = {"", "Dockerfile", "test.yml", "rootfs", *(f"rootfs/{e.path}" for e in rootfs.entries)}
        for source in _sources(instruction):
            if _NOT_FIXED.intersection(source) or is_remote(source) or "<<" in source:
                continue
            path = posixpath.normpath("/" + source).lstrip("/")
            if path not in present and not _below_a_link(path, rootfs):
                yield instruction.line, instruction.keyword, source


def moving_sources(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, address and remedy of every ADD whose content may change."""
    for instruction in scanned(text).instructions:
        if instruction.keyword != "ADD":
            continue
        checksum = instruction.flag("checksum")
        for source in _sources(instruction):
            if not is_remote(source) or is_pinned(source, checksum.text if checksum else None):
                continue
            if is_git(source):
                if "$" not in source.partition("#")[2] + source.partition("?")[2]:
                    yield instruction.line, source, "name a whole commit: #COMMIT or ?checksum=COMMIT"
            else:
                yield instruction.line, source, "ADD --checksum=sha256:… says what it must be"


def _sources(instruction: Instruction) -> list[str]:
    words = [word.text for word in instruction.words]
    if words and words[0].startswith("["):
        try:
            listed = json.loads(" ".join(words))
        except (ValueError, RecursionError):
            return []
        return [s for s in listed[:-1] if isinstance(s, str)] if isinstance(listed, list) else []
    return [unquoted(word) for word in words[:-1]]


def _below_a_link(path: str, rootfs: Rootfs) -> bool:
    return any(e.kind == "link" and path.startswith(f"rootfs/{e.path}/") for e in rootfs.entries)
