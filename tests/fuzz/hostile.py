"""Strategies for hostile inputs: valid examples with a few things changed in their structure, and odd parts.

Inputs are bytes, so that any of them can be kept as a file and changed further.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from .values import TEXTS, VALUES, Pairs, Raw

REFUSED = (ValueError, json.JSONDecodeError, UnicodeDecodeError)
"""The exceptions of functions that document ValueError, and read JSON: their callers catch all three."""

hostile_texts = st.sampled_from(TEXTS) | st.text(max_size=12)
hostile_values = st.sampled_from(VALUES) | st.text(max_size=8) | st.integers()

Tree = Any
Slot = tuple[Any, int]


def changed_trees(examples: Sequence[Tree], names: Sequence[str] = ()) -> SearchStrategy[Tree]:
    """JSON values: an example with up to five changes. `names` are further keys."""
    return _changed_tree(tuple(examples), tuple(names))


@st.composite
def _changed_tree(draw: DrawFn, examples: tuple[Tree, ...], names: tuple[str, ...]) -> Tree:
    root = [_copy(draw(st.sampled_from(examples)))]
    for _ in range(draw(st.integers(0, 5))):
        slots = _slots(root)
        if not slots:
            break
        holder, at = slots[draw(st.integers(0, len(slots) - 1))]
        _change(draw, holder, at, examples, names)
    return root[0]


def _change(draw: DrawFn, holder: Any, at: int, examples: tuple[Tree, ...], names: tuple[str, ...]) -> None:
    """One change of what a list or object has at an index."""
    pairs, whole = isinstance(holder, Pairs), len(holder) == 1 and not isinstance(holder, Pairs)
    value = holder[at][1] if pairs else holder[at]

    def put(new: Any) -> None:
        holder[at] = (holder[at][0], new) if pairs else new

    kind = draw(
        st.sampled_from(["replace", "replace", "drop", "twice", "rename", "nest", "retype", "splice", "many"])
    )
    if kind == "drop" and not whole:
        del holder[at]
    elif kind == "twice" and not whole:
        holder.insert(
            draw(st.integers(0, len(holder))), (holder[at][0], _copy(value)) if pairs else _copy(value)
        )
    elif kind == "rename" and pairs:
        keys = hostile_texts | st.sampled_from([*names, *(key for key, _ in holder)])
        holder[at] = (draw(keys), value)
    elif kind == "nest":
        put([value] if draw(st.booleans()) else Pairs([(draw(hostile_texts), value)]))
    elif kind == "retype":
        put(_retyped(value))
    elif kind == "splice":
        other = [_copy(draw(st.sampled_from(examples)))]
        slots = _slots(other)
        there, index = slots[draw(st.integers(0, len(slots) - 1))]
        put(there[index][1] if isinstance(there, Pairs) else there[index])
    elif kind == "many" and len(_slots([value])) < 50:
        put([_copy(value) for _ in range(draw(st.sampled_from([2, 20, 200])))])
    elif isinstance(value, str) and not isinstance(value, Raw) and draw(st.booleans()):
        put(_edited(draw, value, TEXTS))
    else:
        put(_copy(draw(hostile_values)))  # what is changed later is no part of VALUES


def _retyped(value: Any) -> Any:
    if isinstance(value, Pairs):
        return [list(pair) for pair in value]
    if isinstance(value, list):
        return Pairs((str(number), inner) for number, inner in enumerate(value))
    if isinstance(value, str) and not isinstance(value, Raw):
        return [*value[:50]]
    return str(value) if not isinstance(value, Raw) else [value]


def _copy(value: Any) -> Tree:
    if isinstance(value, Pairs):
        return Pairs((key, _copy(inner)) for key, inner in value)
    if isinstance(value, dict):
        return Pairs((key, _copy(inner)) for key, inner in value.items())
    return [_copy(inner) for inner in value] if isinstance(value, list | tuple) else value


def _slots(root: list[Tree]) -> list[Slot]:
    found: list[Slot] = []
    waiting: list[Any] = [root]
    while waiting and len(found) < 5000:
        holder = waiting.pop()
        for number, inner in enumerate(holder):
            found.append((holder, number))
            value = inner[1] if isinstance(holder, Pairs) else inner
            if isinstance(value, list):
                waiting.append(value)
    return found


def encoded(value: Tree, *, ascii_only: bool = True) -> str:
    """A tree as JSON text."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Pairs):
        members = (
            f"{json.dumps(k, ensure_ascii=ascii_only)}: {encoded(v, ascii_only=ascii_only)}" for k, v in value
        )
        return "{" + ", ".join(members) + "}"
    if isinstance(value, dict):
        return encoded(Pairs(value.items()), ascii_only=ascii_only)
    if isinstance(value, list):
        return "[" + ", ".join(encoded(inner, ascii_only=ascii_only) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


def changed_json(examples: Sequence[Tree], names: Sequence[str] = ()) -> SearchStrategy[bytes]:
    """JSON documents: an example with changes in its structure, or in its encoding."""
    texts = st.builds(
        lambda tree, plain: encoded(tree, ascii_only=plain), changed_trees(examples, names), st.booleans()
    )
    whole = texts.map(to_bytes)
    return (
        whole
        | whole
        | whole
        | st.builds(lambda text, change: change(text), texts, st.sampled_from(_ENCODINGS))
    )


def to_bytes(text: str) -> bytes:
    """A text as UTF-8; lone surrogates as the bytes they would be."""
    return text.encode("utf-8", "surrogatepass")


_ENCODINGS: list[Callable[[str], bytes]] = [
    lambda text: b"\xef\xbb\xbf" + to_bytes(text),
    lambda text: text.encode("utf-16", "surrogatepass"),
    lambda text: text.encode("utf-32-be", "surrogatepass"),
    lambda text: to_bytes(text)[:-1],
    lambda text: to_bytes(text)[: len(text) // 2],
    lambda text: to_bytes(text) * 2,
    lambda text: to_bytes(text) + b"\0",
    lambda text: to_bytes(text).replace(b"a", b"\xff", 1),
    lambda text: b"\n" * 1000 + to_bytes(text),
    lambda text: text.encode("latin-1", "replace"),
]


def changed_texts(examples: Sequence[str], tokens: Sequence[str] = ()) -> SearchStrategy[str]:
    """Texts: an example with up to six changes, or tokens alone. Tokens are what the grammar knows."""
    return _changed_text(tuple(examples), (*tokens, *tokens, *TEXTS))


@st.composite
def _changed_text(draw: DrawFn, examples: tuple[str, ...], tokens: tuple[str, ...]) -> str:
    text = draw(st.sampled_from(examples))
    if draw(st.integers(0, 9)) == 0:
        text = "".join(draw(st.lists(st.sampled_from(tokens), max_size=20)))
    for _ in range(draw(st.integers(0, 6))):
        if draw(st.integers(0, 7)) == 0:
            other = draw(st.sampled_from(examples))
            text = text[: draw(st.integers(0, len(text)))] + other[draw(st.integers(0, len(other))) :]
        else:
            text = _edited(draw, text, tokens)
        text = text[:200_000]
    return text


def _edited(draw: DrawFn, text: str, tokens: Sequence[str]) -> str:
    """One change of a text: a token put in or in place of something, something taken out or repeated."""
    start = draw(st.integers(0, len(text)))
    end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 2, 8, 40])))
    kind = draw(st.sampled_from(["token", "token", "token", "repeat", "repeat", "drop", "characters"]))
    if kind == "token":
        return text[:start] + draw(st.sampled_from(tokens)) + text[end:]
    if kind == "repeat":
        return text[:end] + text[start:end] * draw(st.sampled_from([1, 2, 20, 300])) + text[end:]
    if kind == "drop":
        return text[:start] + text[end:]
    return text[:start] + draw(st.text(max_size=6)) + text[end:]


def changed_bytes(examples: Sequence[bytes]) -> SearchStrategy[bytes]:
    """Bytes: an example with up to four changes, cuts and bits turned among them."""
    return _changed_bytes(tuple(examples))


@st.composite
def _changed_bytes(draw: DrawFn, examples: tuple[bytes, ...]) -> bytes:
    content = bytearray(draw(st.sampled_from(examples)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        kind = draw(st.sampled_from(["turn", "turn", "cut", "drop", "put", "repeat"]))
        if kind == "turn" and at < len(content):
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del content[at:]
        elif kind == "drop":
            del content[at : at + draw(st.sampled_from([1, 4, 512]))]
        elif kind == "put":
            content[at:at] = draw(st.binary(max_size=16))
        elif kind == "repeat":
            content[at:at] = content[at : at + draw(st.sampled_from([1, 8, 512]))] * draw(
                st.sampled_from([1, 3, 100])
            )
    return bytes(content)
