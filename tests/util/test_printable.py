"""What of a text from outside reaches a terminal or a CI's log."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.util.printable import safe_json, safe_line, safe_text
from tests.tools.ci.ci_logs import commands, hidden

PIECES = (
    *("::", ":", "##", "#", "[", "]", "vso[", "VSO[", "teamcity[", "error", "add-mask", "section_start:"),
    *("section_end:", "1:a", " ", "\t", "\n", "\r", "\r\n", "\x1b[0K", "\x9b31m", "\x07", "\x7f", "\x85"),
    *(
        "\u2028",
        "\u202e",
        "\u2066",
        "\u200b",
        "\xad",
        "\ufeff",
        "\ufe0f",
        "\u034f",
        "\u2800",
        "\xa0",
        "\u3000",
    ),
    *("\udc80", "\U000e0041", "\u26a0", "\\", '"', "\u00e9", "x"),
)
TEXTS = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=12).map("".join))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain, naïve, 日本語, λ, 100 %", None),
        ("a: b::c std::vector 1::2", None),
        ("⚠\ufe0f careful ❤\ufe0f", None),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\nb\r\nc\td", r"a\nb\r\nc\td"),
        ("\x00\x07\x08\x7f\x85\x9b", r"\x00\x07\x08\x7f\x85\x9b"),
        ("safe\u202etxt.exe", r"safe\u202etxt.exe"),
        ("a\u200bb\xadc\ufeffd\u2060e", r"a\u200bb\xadc\ufeffd\u2060e"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("\udcff\ud800", r"\udcff\ud800"),
        ("\U000e0041\U0001d173", r"\U000e0041\U0001d173"),
        ("a\ufe0f \ufe0f é\ufe0f\ufe0f", "a\\ufe0f \\ufe0f é\ufe0f\\ufe0f"),
        ("::error::x", r"\x3a:error::x"),
        ("  \u3000::add-mask::x", "  \u3000\\x3a:add-mask::x"),
        (":\xad:error::x", r":\xad:error::x"),
        ("at ##[group]x and ###[x]", r"at #\x23[group]x and ##\x23[x]"),
        ("##vso[task.setvariable] ##VSO[a] ##teamcity[b]", r"#\x23vso[task.setvariable] #\x23VSO[a] #\x23teamcity[b]"),
        ("section_start:1:a[collapsed=true]\r\x1b[0Kb", r"section_start\x3a1:a[collapsed=true]\r\x1b[0Kb"),
        ("section_end:1:a\r\x1b[0K", r"section_end\x3a1:a\r\x1b[0K"),
    ],
)  # fmt: skip
def test_a_line(text: str, line: str | None) -> None:
    assert safe_line(text) == (text if line is None else line)


def test_a_block_keeps_its_lines_and_each_is_safe() -> None:
    text = "one\r\n\ttwo\n ::stop-commands::x\n\r::warning::y\n##[endgroup]\n\x1b]0;title\x07\n\t::a::\n:\t:b"
    assert safe_text(text).split("\n") == [
        "one",
        "\ttwo",
        r" \x3a:stop-commands::x",
        r"\r::warning::y",
        r"#\x23[endgroup]",
        r"\x1b]0;title\x07",
        "\t" r"\x3a:a::",
        ":\t:b",
    ]


def test_json_is_the_same_value_without_what_is_hidden() -> None:
    value = {"a\u202e": ["\x9b31m", "\x1b[0m", "\U000e0041", "##[add-mask]x", "section_start:1:a", "\udc80"]}
    text = json.dumps(value, ensure_ascii=False, indent=2)
    shown = safe_json(text)
    assert json.loads(shown) == value
    assert not hidden(shown, but="\n") and not commands(shown)
    assert r"\udb40\udc41" in shown and shown.encode().decode() == shown


@given(TEXTS)
def test_no_line_controls_anything(text: str) -> None:
    line = safe_line(text)
    assert not hidden(line) and not commands(line)
    assert safe_line(line) == line
    assert line.encode().decode() == line


@given(TEXTS)
def test_no_block_controls_anything(text: str) -> None:
    block = safe_text(text)
    assert not hidden(block, but="\n\t") and not commands(block)
    assert safe_text(block) == block
    assert block.count("\n") == text.count("\n")


@given(st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_json_of_anything_is_the_same_value(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    shown = safe_json(text)
    assert json.loads(shown) == json.loads(text)
    assert not hidden(shown, but="\n") and not commands(shown)
    assert safe_json(shown) == shown


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="#:")))
def test_ordinary_text_is_as_it_was(text: str) -> None:
    assert safe_line(text) == safe_text(text) == text
    assert safe_json(json.dumps(text)) == json.dumps(text)
