"""The images and stages that COPY --from and RUN --mount=from= name."""

from __future__ import annotations

import re
from collections.abc import Collection

from .instructions import Instruction
from .mounts import fields
from .words import Word


def named_images(instruction: Instruction, text: str) -> list[Word]:
    """The values of --from and --mount=from= of a COPY, ADD or RUN, including stages. Raises ValueError for one
    that cannot be replaced, or has variables: BuildKit replaces none here."""
    if instruction.keyword != "RUN":
        word = instruction.flag("from")
        return [_replaceable(word, word.text, text)] if word is not None and word.text else []
    mounts = ((mount, fields(mount.text)) for mount in instruction.flag_values("mount"))
    return [
        _replaceable(mount, name, text, "from=")
        for mount, keys in mounts
        if (name := keys.get("from")) is not None
    ]


def names_stage(instruction: Instruction, name: str, stages: Collection[str], count: int) -> bool:
    """Whether COPY or RUN refers to one of `count` stages, earlier or later, and not to an image: COPY by number too.
    Raises ValueError for a number that is none."""
    if name == "scratch" or name.lower() in stages:
        return True
    if instruction.keyword != "COPY" or not (name.isascii() and name.isdecimal()):
        return False
    if int(name[:9]) >= count:
        raise ValueError(f"--from={name[:80]}: there is no stage of this number; the first is 0")
    return True


def _replaceable(flag: Word, name: str, text: str, key: str = "") -> Word:
    """The offsets of a name in a flag's value, inside its quotes if any."""
    if "$" in name:
        hint = "a variable is not replaced here; give a stage a name by FROM … AS, and use that"
        raise ValueError(f"{flag.text[:80]}: {hint}")
    quotes = "[\"']*"
    if flag.plain and not key:
        return flag
    pattern = re.compile(f"[,=](?i:{quotes}{key}){quotes}({re.escape(name)})(?={quotes}(?:,|$))")
    places = list(pattern.finditer(text, flag.start - 1, flag.end))
    if len(places) != 1:
        raise ValueError(f"{flag.text[:80]}: write the image's name without quotes and escapes")
    return Word(name, places[0].start(1), places[0].end(1))
