"""The reader of YAML against PyYAML's own: the same values as written, the same places, and bounded in everything."""

import tracemalloc

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.config.yaml import MAX_ALIASES, MAX_DEPTH, MAX_NODES, YamlProblem, YamlValue, load

LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # libyaml where our reader has it too
NULLS = {"", "~", "null", "Null", "NULL"}


def same(ours, theirs):
    """Whether a value is PyYAML's with every scalar a text, but for plain nulls."""
    if isinstance(theirs, dict):
        return list(ours) == list(theirs) and all(same(ours[k], theirs[k]) for k in theirs)
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == theirs or (ours is None and theirs in NULLS)


def refused(text):
    with pytest.raises(YamlProblem) as caught:
        load(text, "x.yml")
    return caught.value.problem


texts = st.text(st.characters(exclude_characters="\x85\u2028\u2029", exclude_categories=["Cs"]), max_size=8)
words = st.sampled_from(
    ["1.10", "no", "12:30", "0x1F", "010", "1e3", "2026-11-21", ".5", "+1", "1_000", "yes", "a b"]
)
values = st.recursive(
    texts | words | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(words | texts.filter(lambda t: t.strip()), inner, max_size=3)
    ),
    max_leaves=15,
)
documents = st.builds(
    lambda value, flow, indent, width: yaml.safe_dump(
        value, default_flow_style=flow, indent=indent, width=width, allow_unicode=True, sort_keys=False
    ),
    values,
    st.sampled_from([True, False, None]),
    st.sampled_from([2, 4, 7]),
    st.sampled_from([10, 80]),
)


@given(documents)
def test_values_are_pyyaml_s_and_scalars_as_written(text):
    assert same(load(text, "x").value, yaml.load(text, LOADER))


@given(st.text("ab1.:- \n'\"[]{},&*!#|>?~", max_size=40))
def test_what_is_read_of_any_text_is_what_pyyaml_reads(text):
    try:
        ours = load(text, "x").value
    except YamlProblem:
        assume(False)
    assert same(ours, yaml.load(text, LOADER))


@given(st.text("0123456789abcxyzABC.+-_:/", min_size=1, max_size=12))
def test_a_plain_scalar_stays_as_written_wherever_it_stands(word):
    try:
        theirs = yaml.load(f"[{word}]", LOADER), yaml.load(f"k: {word}", LOADER)
    except yaml.YAMLError:
        theirs = None
    assume(theirs == ([word], {"k": word}) and word not in NULLS and not word.endswith(":"))
    for text in (f"k: {word}\n", f"k:\n  {word}\n", f"k: {word} # comment\n", f"k: &a {word}\n"):
        found = load(text, "x").value["k"]
        assert (found, type(found)) == (word, YamlValue)
    assert load(f"- {word}\n- !!float {word}\n", "x").value == [word, word]
    assert list(load(f"{word}: 1\n", "x").value) == [word]


def places(node, path=()):
    """Where PyYAML says that keys and values begin."""
    out = {("value", path): (node.start_mark.line + 1, node.start_mark.column + 1)}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            out["key", (*path, key.value)] = (key.start_mark.line + 1, key.start_mark.column + 1)
            out |= places(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            out |= places(value, (*path, number))
    return out


@given(documents)
def test_places_are_pyyaml_s(text):
    theirs = places(yaml.compose(text, LOADER))
    found = load(text, "x").positions()
    assert {("value", p): place for p, place in found.values.items()} == {
        k: v for k, v in theirs.items() if k[0] == "value"
    }
    assert {("key", p): place for p, place in found.keys.items()} == {
        k: v for k, v in theirs.items() if k[0] == "key"
    }


@given(st.lists(words, min_size=1, max_size=6, unique=True), st.data(), st.booleans())
def test_a_key_twice_is_refused_where_it_stands_the_second_time(keys, data, flow):
    again = data.draw(st.sampled_from(keys))
    style = data.draw(st.sampled_from(["{}", "'{}'", '"{}"']))
    lines = [f"{key}: 1" for key in keys] + [f"{style.format(again)}: 2"]
    text = "x: {" + ",\n  ".join(lines) + "}\n" if flow else "x:\n" + "".join(f"  {line}\n" for line in lines)
    found = refused(text)
    assert f"{again!r} is written twice" in found.message
    assert found.line == len(lines) + (0 if flow else 1)


def nested(depth, kinds):
    """A value that many levels deep, the kinds in turn."""
    levels = (kinds * (depth // len(kinds) + 1))[:depth]
    opening = "".join(["[" if kind == "list" else "{a: " for kind in levels])
    closing = "".join(["]" if kind == "list" else "}" for kind in reversed(levels)])
    return opening + closing


@given(st.lists(st.sampled_from(["list", "map"]), min_size=1, max_size=4), st.integers(1, 3))
def test_depth_has_one_limit(kinds, more):
    assert load(nested(MAX_DEPTH, kinds), "x").value is not None
    assert f"more than {MAX_DEPTH} levels deep" in refused(nested(MAX_DEPTH + more, kinds)).message
    assert "levels deep" in refused(nested(100_000, kinds)).message


def bomb(width, levels):
    """Each level names the one below many times."""
    lines = [f"a0: &a0 [{', '.join(['x'] * width)}]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


BOMBS = {
    "a billion laughs": bomb(9, 11),
    "fewer aliases, more levels": bomb(2, 45),
    "wide": f"a: &a [{', '.join(['x'] * 5000)}]\nb: [{', '.join(['*a'] * 50)}]",
    "of mappings": "a: &a {x: 1, y: 2}\n"
    + "\n".join(
        f"{c}: &{c} {{x: *{p}, y: *{p}, z: *{p}}}" for p, c in zip("abcdefghijk", "bcdefghijkl", strict=True)
    ),
    "without aliases": "- x\n" * (MAX_NODES + 1),
    "of aliases": "a: &a x\nb:\n" + "- *a\n" * (MAX_ALIASES + 1),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_takes_memory(name):
    tracemalloc.start()
    found = refused(BOMBS[name])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "more than" in found.message
    assert found.line > 0
    assert peak < 32 * 1024 * 1024


@given(st.integers(1, 12), st.integers(1, 6))
def test_what_an_alias_stands_for_counts(width, levels):
    text = bomb(width, levels)
    total = 1 + sum(
        (width ** (n + 1) - 1) // (width - 1) + width ** (n + 1) if width > 1 else n + 2
        for n in range(levels)
    )
    aliases = width * (levels - 1)
    if aliases > MAX_ALIASES or total > MAX_NODES:
        assert "more than" in refused(text).message
    else:
        assert same(load(text, "x").value, yaml.load(text, LOADER))


@given(values.filter(lambda v: v is not None))
def test_an_alias_is_the_same_value_and_its_places_are_those_of_its_name(value):
    inner = (
        yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
        .removesuffix("...\n")
        .strip()
    )
    assume("\n" not in inner and yaml.safe_load(inner) == value)
    text = f"a: &x {inner}\nb: [0, *x]\n"
    document = load(text, "x")
    assert document.value["b"][1] == document.value["a"]
    assert document.positions().of(("b", 1)) == (2, 8)
