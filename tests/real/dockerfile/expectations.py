"""What the Dockerfile reference demands of a feature's image, as expect.yml has it, held against the image.

config:  {Cmd: [a], User: null}     fields of the config's `config`, exactly; null is absent or empty
top:     {os: linux}                fields of the config itself
env:     {A: "1"}                   the environment, exactly, but for a PATH that is not named
labels:  {a: b}                     among the labels
layers:  1                          layers beside those of the base
history: 4                          steps of the history beside those of the base
files:
  /f: {kind: file, mode: "0644", owner: "0:0", content: "text", mtime: 0}
  /l: {link: target}
  /gone: absent
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.real.contents import File, Image

KEYS = frozenset(("config", "top", "env", "labels", "layers", "history", "files"))


def differences(expected: Mapping[str, Any], image: Image, base: Image | None) -> list[str]:
    """Every demand that the image does not meet, as a line for people; `base` is what its last stage is based on."""
    return list(_differences(expected, image, base))


def _differences(expected: Mapping[str, Any], image: Image, base: Image | None) -> Iterator[str]:
    config = image.config.get("config") or {}
    for name, wanted in (expected.get("config") or {}).items():
        if (config.get(name) or None) != (wanted or None):
            yield f"config.{name}: {config.get(name)!r}, not {wanted!r}"
    for name, wanted in (expected.get("top") or {}).items():
        if image.config.get(name) != wanted:
            yield f"{name}: {image.config.get(name)!r}, not {wanted!r}"
    if "env" in expected:
        yield from _environment(expected["env"], config.get("Env") or [])
    labels = config.get("Labels") or {}
    for name, wanted in (expected.get("labels") or {}).items():
        if labels.get(name) != wanted:
            yield f"label {name}: {labels.get(name)!r}, not {wanted!r}"
    if "layers" in expected:
        below = base.layers if base else []
        added = len(image.layers) - len(below)
        if image.layers[: len(below)] != below or added != expected["layers"]:
            yield f"{added} layers beside those of the base, not {expected['layers']}"
    if "history" in expected:
        added = len(image.config["history"]) - (len(base.config["history"]) if base else 0)
        if added != expected["history"]:
            yield f"{added} steps of history beside those of the base, not {expected['history']}"
    for path, wanted in (expected.get("files") or {}).items():
        yield from _file(path, wanted, image.files.get(path))


def _environment(wanted: Mapping[str, str], given: list[str]) -> Iterator[str]:
    found = dict(pair.split("=", 1) for pair in given)
    if "PATH" not in wanted:
        found.pop("PATH", None)
    if found != dict(wanted):
        yield f"env: {found!r}, not {dict(wanted)!r}"


def _file(path: str, wanted: Mapping[str, Any] | str, found: File | None) -> Iterator[str]:
    if isinstance(wanted, str):
        if found is not None:
            yield f"{path} is there: {found}"
    elif found is None:
        yield f"{path} is missing"
    else:
        for name, value in wanted.items():
            actual: Any = getattr(found, name)
            if name == "content":
                actual = actual.decode(errors="surrogateescape")
            if actual != value:
                yield f"{path}: {name} {actual!r}, not {value!r}"
        if "link" in wanted and found.kind != "link":
            yield f"{path} is no symbolic link"
