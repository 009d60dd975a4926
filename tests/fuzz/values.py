"""Odd texts, numbers and JSON values: what a hostile input puts in the place of a good one."""

from __future__ import annotations

from typing import Any


class Raw(str):
    """JSON written as it is."""


class Pairs(list[tuple[str, Any]]):
    """An object; a key may be there twice."""


LOOK_ALIKES = ["ſ", "K", "ı", "１２", "٣", "sha２56", "а", "é", "e\u0301", "\u200b", "\u00ad", "\ufeff", "²"]
TEXTS = [
    *(
        "",
        " ",
        "\n",
        "\r\n",
        "\t",
        "\0",
        "a\0b",
        "\x1b[31m",
        "\x7f",
        "\x85",
        "\u2028",
        "\u202e",
        "\ud800",
        "\udcff",
    ),
    *(
        "\U0001f600",
        "..",
        "../../x",
        "/",
        "/etc/passwd",
        "//",
        "\\",
        "C:\\x",
        "-",
        "--",
        "-rf",
        ".",
        "%",
        "%s",
        "{0}",
    ),
    *(
        "true",
        "null",
        "NaN",
        "1e999",
        "-0",
        "0x1F",
        "1_000",
        "1.10",
        "2026-11-31",
        "9999-99-99",
        "0000-00-00",
    ),
    *(
        "2026-11-26T25:61:61Z",
        "10000-01-01",
        "::add-mask::x",
        "##[group]x",
        "##vso[x]",
        "section_start:1:s\r",
    ),
    *("x" * 129, "x" * 256, "x" * 5000, "a/" * 300, "(" * 200, "é" * 200, "\ud800" * 3, "sha256:" + "0" * 64),
    *(
        "sha256:" + "A" * 64,
        "sha512:" + "0" * 64,
        "sha256:",
        "sha1:" + "0" * 40,
        "[::1",
        "http://[",
        "http://x:y/",
    ),
    *(
        "http://x:99999/",
        "https://user:password@x/",
        "{{ 1 }}",
        "$X",
        "${X",
        "*",
        "**",
        "[",
        "!",
        "'",
        '"',
        "`",
        "#",
    ),
    *LOOK_ALIKES,
]
NUMBERS = [0, -1, 1, 2, 64, 255, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**30, 0.5, -0.0, 1e308]
RAW = [
    *map(
        Raw,
        ("NaN", "Infinity", "-Infinity", "1e999", "-1e-999", "9" * 400, "9" * 5000, "1" + "0" * 4301, "01"),
    ),
    *map(
        Raw, ('"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\\x"', '"\t"', "tru", "", "[" * 50 + "]" * 50)
    ),
    *map(Raw, ("[" * 2000 + "]" * 2000, '{"a":' * 2000 + "1" + "}" * 2000, "[" * 100_000, "1.0", "1E2", "-")),
]
VALUES: list[Any] = [
    None,
    True,
    False,
    *NUMBERS,
    *TEXTS,
    *RAW,
    [],
    {},
    [[]],
    [None],
    {"": ""},
    ["a", "a"],
    {"a": {"b": [{}]}},
]
