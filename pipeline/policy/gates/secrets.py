"""The secrets gate: what each secret does by its severity and its place. A reason names the rule, never the secret."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from pipeline.model.gates import AllowedSecret, SecretGate
from pipeline.model.path_pattern import PathPattern, compile_pattern

from ..evidence import LeakedSecret
from .judgement import Judgement

_NO_WILDCARD = re.compile(r"[\[\\]")  # classes and escapes are for patterns of other files


def judge_secrets(
    secrets: Iterable[LeakedSecret], gate: SecretGate, today: date, unexamined: tuple[str, ...] = ()
) -> Judgement:
    """The judgement of the secrets that a scanner found."""
    reasons: list[str] = []
    notes: list[str] = []
    for secret in secrets:
        text = f"{secret.rule} in {secret.path}"
        if secret.severity not in gate.fail_on:
            notes.append(f"{text} ({secret.severity})" if gate.fail_on else text)
            continue
        entries = [entry for entry in gate.allow if _covers(entry, secret)]
        valid = next((entry for entry in entries if today <= entry.expires), None)
        if valid:
            notes.append(f"{text} allowed until {valid.expires} by {valid.owner}: {valid.reason}")
        else:
            expired = (f"; {e.path} of {e.owner} was allowed until {e.expires}" for e in entries[:1])
            reasons.append("".join((text, *expired)))
    return Judgement(tuple(dict.fromkeys(reasons)), tuple(dict.fromkeys(notes)), unexamined)


def _covers(entry: AllowedSecret, secret: LeakedSecret) -> bool:
    return (entry.rule in (None, secret.rule)) and path_matches(secret.path, entry.path)


def path_matches(path: str, pattern: str) -> bool:
    """Whether a path in an image is one of a pattern: `*` and `?` stay within a folder, `**` reaches into all below.

    A leading slash changes nothing: every path is from the root of the image.
    """
    return _compiled(pattern.lstrip("/")).fullmatch(path.lstrip("/"))


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> PathPattern:
    return compile_pattern(_NO_WILDCARD.sub(r"\\\g<0>", pattern), deep=True)
