"""Instructions that BuildKit's parser refuses (frontend/dockerfile/instructions/parse.go), whatever a build would give
them. Values with variables, and what only a build finds, are not judged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from pipeline.util.suggest import nearest

from .words import words_of

Kind = Literal["bool", "once", "many"]

UNKNOWN_FLAG = "unknown flag"
_STAGE = re.compile(r"[a-z][a-z0-9_.-]*")
_BLANK = re.compile(r"[\t\v\f\r ]+")
_HEREDOC_WORD = re.compile(r"\d*<<-?\s*[^<\s][^<]*")
_DURATION = re.compile(r"([-+]?)(0|(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_PART = re.compile(r"([0-9.]+)([^0-9.]+)")
_MILLISECONDS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}
_INTERVALS: Mapping[str, Kind] = {
    "interval": "once",
    "timeout": "once",
    "start-period": "once",
    "start-interval": "once",
}
_NO_FLAGS: Mapping[str, Kind] = {}
_FLAGS: Mapping[str, Mapping[str, Kind]] = {
    "FROM": {"platform": "once"},
    "COPY": {
        "from": "once",
        "chown": "once",
        "chmod": "once",
        "link": "bool",
        "parents": "bool",
        "exclude": "many",
    },
    "ADD": {
        "chown": "once",
        "chmod": "once",
        "link": "bool",
        "keep-git-dir": "bool",
        "unpack": "bool",
        "checksum": "once",
        "exclude": "many",
    },
    "RUN": {"mount": "many", "network": "once", "security": "once", "device": "many"},
    "HEALTHCHECK": {**_INTERVALS, "retries": "once"},
}
_UNREAD = ("ARG", "STOPSIGNAL")  # whose flags are ignored
_VALUES = {"network": ("default", "none", "host"), "security": ("insecure", "sandbox")}
_ONE = "exactly one argument is expected"
_SOME = "at least one argument is expected"


@lru_cache(maxsize=4096)  # many Dockerfiles of a catalogue have the same USER, WORKDIR, CMD
def fault_of(keyword: str, flags: tuple[str, ...], rest: str, escape: str) -> str:
    """Why an instruction is refused; empty if it is not. `rest` is the text after its flags."""
    judge = _JUDGES.get(keyword)
    if judge is None:
        near = nearest(keyword, _JUDGES)
        return "unknown instruction" + (f" (did you mean {near}?)" if near else "")
    rest = rest.strip()
    fault = judge(rest, escape)
    if flags and not fault and keyword not in _UNREAD and (keyword, rest.upper()) != ("HEALTHCHECK", "NONE"):
        fault = _flags(flags, _FLAGS.get(keyword, _NO_FLAGS))
    return fault


def _flags(written: Sequence[str], known: Mapping[str, Kind]) -> str:
    seen: set[str] = set()
    for flag in written:
        name, equals, value = flag[2:].partition("=")
        kind = known.get(name)
        if kind is None:
            near = nearest(name, known)
            return f"{UNKNOWN_FLAG} --{name[:80]}" + (f" (did you mean --{near}?)" if near else "")
        if name in seen and kind != "many":
            return f"--{name} is given twice"
        seen.add(name)
        lacking = equals if kind == "bool" else not equals or name == "mount"
        if lacking and not value:
            return f"--{name} has no value"
        if kind == "bool" and value.lower() not in ("", "true", "false"):
            return f"--{name}={value[:80]} is neither true nor false"
        if name in _VALUES and value not in _VALUES[name]:
            return f"--{name}={value[:80]} is none of {', '.join(_VALUES[name])}"
        if name in _INTERVALS and value and not _is_interval(value):
            return f"--{name}={value[:80]} is no duration of 1ms or more, such as 30s"
        if name == "retries" and value and not re.fullmatch(r"\+?[0-9]{1,10}|-0+", value):
            return f"--retries={value[:80]} is no number"
    return ""


def _is_interval(text: str) -> bool:
    """Whether a text is a duration as Go has it: none, or a millisecond at least."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return False
    length = sum(float(number) * _MILLISECONDS[unit] for number, unit in _PART.findall(match[2]))
    return length == 0 or (length >= 1 and match[1] != "-")


def _list(rest: str) -> list[object] | None:
    """The arguments as a JSON list, if they are one."""
    if not rest.startswith("["):
        return None
    try:
        parsed = json.loads(rest, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, list) else None


def _refuse(name: str) -> object:
    raise ValueError(name)  # NaN, which JSON has not


def _command(rest: str, escape: str) -> str:
    if rest.startswith("[") and not all(isinstance(word, str) for word in _list(rest) or ()):
        return "a list in JSON takes strings only"
    return ""


def _from(rest: str, escape: str) -> str:
    words = _BLANK.split(rest)
    if len(words) == 1:
        return ""  # an empty one is reported with the bases
    if len(words) != 3 or words[1].upper() != "AS":
        return "one image is expected, or IMAGE AS NAME"
    if not _STAGE.fullmatch(words[2].lower()):
        return f"{words[2][:80]!r} is no stage's name (a letter, then letters, digits, . _ -)"
    return ""


def _copy(rest: str, escape: str) -> str:
    given = _list(rest)
    if given is not None and not all(isinstance(word, str) for word in given):
        return "a list in JSON takes strings only"
    words = [str(word) for word in given] if given is not None else _BLANK.split(rest)
    if len(words) < 2:
        return "a source and a destination are expected"
    if _HEREDOC_WORD.fullmatch(words[-1]):
        return "a heredoc is no destination"
    return ""


def _pairs(rest: str, escape: str) -> str:
    if not rest:
        return _SOME
    words = words_of(rest, escape)
    if words and "=" not in words[0]:  # the old form: everything after the name is one value
        return "" if _BLANK.search(rest) else f"{words[0][:80]} has no value"
    for word in words:
        name, equals, _ = word.partition("=")
        if not equals:
            return f"{word[:80]} is not NAME=VALUE"
        if not name:
            return f"{word[:80]} has no name"
    return "" if words else _SOME


def _arguments(rest: str, escape: str) -> str:
    words = words_of(rest, escape)
    if any(word.startswith("=") for word in words):
        return "an argument has no name"
    return "" if words else _SOME


def _one(rest: str, escape: str) -> str:
    return "" if rest else _ONE


def _some(rest: str, escape: str) -> str:
    return "" if rest else _SOME


def _volume(rest: str, escape: str) -> str:
    given = _list(rest)
    if given is None:
        return _some(rest, escape)
    if not all(isinstance(word, str) for word in given):
        return "a list in JSON takes strings only"
    return "" if given and all(str(word).strip() for word in given) else _SOME


def _shell(rest: str, escape: str) -> str:
    given = _list(rest)
    if given and all(isinstance(word, str) for word in given):
        return ""
    return 'a list of strings in JSON is expected, such as ["/bin/sh", "-c"]'


def _health(rest: str, escape: str) -> str:
    kind, *more = rest.split(maxsplit=1) or [""]
    command = more[0] if more else ""
    if kind.upper() == "NONE":
        return "NONE takes no arguments" if command else ""
    if kind.upper() != "CMD":
        return "CMD or NONE is expected"
    return _command(command, escape) if command and _list(command) != [] else "CMD has no command"


def _trigger(rest: str, escape: str) -> str:
    keyword = (rest.split(maxsplit=1) or [""])[0].upper()
    if keyword in ("ONBUILD", "FROM", "MAINTAINER"):
        return f"{keyword} is no trigger"
    return "" if rest else _SOME


_JUDGES: Mapping[str, Callable[[str, str], str]] = {
    "ADD": _copy,
    "ARG": _arguments,
    "CMD": _command,
    "COPY": _copy,
    "ENTRYPOINT": _command,
    "ENV": _pairs,
    "EXPOSE": _some,
    "FROM": _from,
    "HEALTHCHECK": _health,
    "LABEL": _pairs,
    "MAINTAINER": _one,
    "ONBUILD": _trigger,
    "RUN": _command,
    "SHELL": _shell,
    "STOPSIGNAL": _one,
    "USER": _one,
    "VOLUME": _volume,
    "WORKDIR": _one,
}
