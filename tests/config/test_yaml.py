"""The reader of YAML: as written, once, bounded, with places."""

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import yaml as reader
from pipeline.config.yaml import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, YamlProblem, YamlValue, load


def problem(text: str | bytes):
    with pytest.raises(YamlProblem) as caught:
        load(text, "x.yml")
    return caught.value.problem


@pytest.mark.parametrize(
    "written",
    [
        "1.10",
        "no",
        "yes",
        "on",
        "12:30",
        "0x10",
        "1e3",
        "2025-09-01",
        "010",
        "true",
        ".5",
        "+1",
        "1_000",
        "=",
        "NaN",
    ],
)
def test_plain_scalars_stay_as_written(written):
    value = load(f"a: {written}\n", "x.yml").value["a"]
    assert value == written
    assert isinstance(value, YamlValue)


@pytest.mark.parametrize("written", ["", "~", "null", "Null", "NULL"])
def test_only_a_plain_null_is_none(written):
    assert load(f"a: {written}\n", "x.yml").value == {"a": None}
    assert load(f"a: '{written}'\n", "x.yml").value == {"a": written}


def test_quoted_scalars_are_not_plain():
    value = load("a: '8'\nb: |\n  8\n", "x.yml").value
    assert not isinstance(value["a"], YamlValue)
    assert not isinstance(value["b"], YamlValue)


def test_core_tags_are_read_and_others_refused():
    assert load("a: !!str 1.10\nb: !!int 8\nc: !!map {}\nd: !!seq []\ne: !!null x\n", "x").value == {
        "a": "1.10",
        "b": "8",
        "c": {},
        "d": [],
        "e": None,
    }
    for text in ("a: !!python/object:os.system x", "a: !thing {}", "a: !!set {x}", "a: !!binary aGk="):
        assert "not allowed" in problem(text).message


REFUSED = [
    ("a: 1\nb: 2\na: 3\n", 3, 1, "'a' is written twice"),
    ("a: {b: 1, c: 2, b: 3}\n", 1, 17, "'b' is written twice"),
    ("'a': 1\na: 2\n", 2, 1, "'a' is written twice"),
    ("x: &x {a: 1}\ny:\n  <<: *x\n", 3, 3, "merge keys"),
    ("a: 1\n---\nb: 2\n", 2, 1, "one document"),
    ("a: b: c\n", 1, 5, "mapping values are not allowed"),
    ("a: [1, 2\n", 2, 1, "not valid YAML"),
    ("\ta: 1\n", 1, 1, "not valid YAML"),
    ("? [a, b]\n: 1\n", 1, 3, "key must be"),
    ("a: *nowhere\n", 1, 4, "no anchor"),
    ("a: &a [*a]\n", 1, 8, "no anchor"),
    ("&k a: 1\n*k : 2\n", 2, 1, "alias cannot be a key"),
    ("'': 1\n", 1, 1, "a key is empty"),
    ("a: \x07\n", 1, 1, "character"),
]


@pytest.mark.parametrize(("text", "line", "column", "message"), REFUSED)
def test_what_is_refused_has_its_place(text, line, column, message):
    found = problem(text)
    assert message in found.message
    assert (found.line, found.column) == (line, column)


def test_not_utf8_names_the_line():
    found = problem(b"a: 1\nb: \xff\n")
    assert (found.line, found.message) == (2, "the file is not UTF-8 text")


def test_a_byte_order_mark_is_no_content():
    assert load("\ufeffa: 1\n".encode(), "x").value == {"a": "1"}


def test_depth_is_limited_without_recursion():
    assert load("[" * MAX_DEPTH + "]" * MAX_DEPTH, "x").value
    for text in ("[" * 100_000, "{a: " * 100_000, "- " * 100_000):
        assert "levels deep" in problem(text).message


class _Limited(reader._LOADER):
    """A parser that, as libyaml does, reads ahead of its events and refuses 1,000 levels."""

    def __init__(self, text: str) -> None:
        if "[" * 1001 in text:
            mark = pyyaml.Mark("x", text.index("[") + 1000, 0, 1000, None, None)
            raise pyyaml.scanner.ScannerError(None, None, "exceeded maximum nesting depth", mark)
        super().__init__(text)


def test_our_limit_of_depth_comes_before_the_parsers(monkeypatch):
    monkeypatch.setattr(reader, "_LOADER", _Limited)
    found = problem("[" * 100_000)
    assert (found.line, found.column, found.message) == (1, 65, "more than 64 levels deep")
    assert "not valid YAML" in problem("a: [" + "]" * 3).message


def test_a_bomb_is_refused_before_it_grows():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    text = "\n".join(lines)
    assert len(text) < 1000
    assert "once aliases are expanded" in problem(text).message


def test_aliases_and_size_are_limited():
    assert "aliases" in problem("a: &a x\nb: [" + ", ".join(["*a"] * (MAX_ALIASES + 1)) + "]").message
    assert "larger" in problem("a" * (MAX_BYTES + 1)).message


def test_positions_of_keys_and_values():
    document = load("a: 1\nb:\n  - x\n  - {c: 2, d: &d [3]}\ne: *d\n", "x.yml")
    places = document.positions()
    assert places.of(("b", 1, "c")) == (4, 9)
    assert places.of(("b", 1, "c"), key=True) == (4, 6)
    assert places.of(("b", 0)) == (3, 5)
    assert places.of(("e", 0)) == (5, 4)
    assert places.of(("b", 1, "missing")) == (4, 5)
    assert places.of(("nothing",), key=True) == (1, 1)


# PyYAML's writer loses these line breaks
texts = st.text(st.characters(exclude_characters="\x85\u2028\u2029", exclude_categories=["Cs"]), max_size=8)
plain = st.recursive(
    st.none() | texts | st.integers().map(str) | st.booleans().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts.filter(bool), inner, max_size=3),
    max_leaves=12,
)


@given(plain)
def test_what_pyyaml_writes_is_read_back_the_same(value):
    written = pyyaml.safe_dump(value, allow_unicode=True)
    assert load(written, "x").value == value


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#?,% \n\t~<", max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        load(text, "x").positions()
    except YamlProblem as error:
        assert error.problem.path == "x"
        assert error.problem.message
