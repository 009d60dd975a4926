"""What holds for automatic aliases whatever the tags are, in every strategy."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.catalogue.aliases import automatic_aliases, read_version
from pipeline.model import valid_tag
from tests.catalogue.sample import folder, image, plan

STRATEGIES = ["semver", "calver", "numeric", "lexical", "explicit"]

number = st.integers(0, 12).map(str)
release = st.lists(number, min_size=3, max_size=3).map(".".join)
dotted = st.lists(number | st.sampled_from(["01", "007"]), min_size=1, max_size=4).map(".".join)
date = st.builds(
    lambda year, month, rest, by: by.join([year, month, *rest]),
    st.sampled_from(["2024", "2025", "24"]),
    st.sampled_from(["1", "09", "9", "10", "12"]),
    st.lists(number, max_size=2),
    st.sampled_from(".-"),
)
word = st.text("ab1", min_size=1, max_size=3)
words = st.builds(
    lambda head, rest: head + "".join(rest),
    word,
    st.lists(st.sampled_from(".-").flatmap(lambda by: word.map(lambda w: by + w)), max_size=3),
)
prerelease = st.builds(
    "{}-{}".format, release | date, st.sampled_from(["rc.1", "alpha", "0", "a.b", "beta1"])
)
TAG = st.one_of(release, release.map("v{}".format), dotted, date, words, prerelease).filter(valid_tag)
TAGS = st.lists(TAG, max_size=12)
EVERY = st.sampled_from(STRATEGIES)
SUFFIX = st.sampled_from(["-dev", "-semantic-release", "_x", "-1"])


def reads(tags, strategy):
    return [v for v in (read_version(tag, strategy) for tag in dict.fromkeys(tags)) if v]


@given(TAGS, EVERY)
def test_an_alias_is_a_valid_name_of_its_own_for_one_of_the_tags(tags, strategy):
    for alias, tag in automatic_aliases(tags, strategy).items():
        assert valid_tag(alias)
        assert alias not in tags
        assert tag in tags
        assert re.match(re.escape(alias) + r"[.-]", tag)


@given(TAGS, EVERY)
def test_no_alias_stands_for_a_prerelease(tags, strategy):
    assume(strategy != "lexical")  # which knows none
    for tag in automatic_aliases(tags, strategy).values():
        assert re.fullmatch(r"v?[0-9]+(?:\.[0-9]+)+|[0-9]+(?:-[0-9]+)+", tag)


@given(TAGS, EVERY)
def test_the_highest_wins_and_every_prefix_that_is_free_is_there(tags, strategy):
    versions = reads(tags, strategy)
    found = automatic_aliases(tags, strategy)
    assert set(found) == {p for v in versions for p in v.prefixes} - set(tags) - {""}
    for alias, tag in found.items():
        order = read_version(tag, strategy).order
        assert all(v.order <= order for v in versions if alias in v.prefixes)


@given(TAGS, EVERY, st.randoms())
def test_order_and_repetition_change_nothing(tags, strategy, random):
    shuffled = [*tags, *tags]
    random.shuffle(shuffled)
    found = automatic_aliases(tags, strategy)
    assert automatic_aliases(shuffled, strategy) == found
    assert list(found) == sorted(found)


@given(TAGS, EVERY)
def test_a_lower_version_changes_no_alias_but_the_one_it_is_named_like(tags, strategy):
    found = automatic_aliases(tags, strategy)
    for lower in set(tags) - set(found.values()):
        without = automatic_aliases([t for t in tags if t != lower], strategy)
        assert {alias: tag for alias, tag in without.items() if alias != lower} == found


@given(TAGS, TAG, EVERY)
def test_a_tag_that_takes_no_part_changes_nothing_but_what_it_is_named_like(tags, new, strategy):
    assume(read_version(new, strategy) is None)
    expected = {a: t for a, t in automatic_aliases(tags, strategy).items() if a != new}
    assert automatic_aliases([*tags, new], strategy) == expected


@given(TAGS, EVERY, st.data())
def test_without_a_tag_no_alias_names_it_and_none_goes_up(tags, strategy, data):
    assume(tags)
    gone = data.draw(st.sampled_from(tags))
    before = automatic_aliases(tags, strategy)
    for alias, tag in automatic_aliases([t for t in tags if t != gone], strategy).items():
        assert tag != gone
        if alias in before:
            assert read_version(tag, strategy).order <= read_version(before[alias], strategy).order


@given(TAGS)
def test_explicit_gives_none(tags):
    assert automatic_aliases(tags, "explicit") == {}


unique = st.lists(TAG, min_size=1, max_size=6, unique=True)


def borne(tags, more, strategy):
    """Tag to the names that its index bears, in a catalogue with one image."""
    written = "[" + ", ".join(f"'{t}'" for t in tags) + "]"
    found = plan(folder("i", image(written, f"version_strategy: {strategy}\n{more}")))
    return {t.tag: t for t in found.targets}


@given(unique, EVERY, SUFFIX)
def test_in_a_plan_a_variant_bears_what_its_base_bears_with_the_suffix(tags, strategy, suffix):
    assume(not any(t.endswith(suffix) or f"{t}{suffix}" in tags for t in tags))
    real = {*tags, *(f"{t}{suffix}" for t in tags)}
    found = borne(tags, f"variants: [{{name: v, suffix: '{suffix}'}}]\n", strategy)
    assert set(found) == real
    bases = automatic_aliases(tags, strategy)
    for tag in tags:
        own = {a for a, t in bases.items() if t == tag}
        assert set(found[tag].tags) - {tag} == {a for a in own if a not in real}
        with_it = {f"{a}{suffix}" for a in own} - real
        assert set(found[f"{tag}{suffix}"].tags) - {f"{tag}{suffix}"} <= with_it
        missing = with_it - set(found[f"{tag}{suffix}"].tags)
        assert not missing - {a for t in found.values() for a in t.tags}  # an alias of another, never lost


@given(unique, EVERY, SUFFIX)
def test_in_a_plan_every_name_is_borne_once(tags, strategy, suffix):
    assume(not any(f"{t}{suffix}" in tags for t in tags))
    found = borne(tags, f"variants: [{{name: v, suffix: '{suffix}'}}]\n", strategy)
    names = [name for target in found.values() for name in target.tags]
    assert len(names) == len(set(names))
    for target in found.values():
        assert target.tags[0] == target.tag
        assert set(target.tags[1:]).isdisjoint(found)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_variants_alias_never_names_a_base(strategy):
    found = borne(["9.0.100", "9.0.200"], "variants: [semantic]\n", strategy)
    for target in found.values():
        assert all(name.endswith("-semantic") is (target.variant is not None) for name in target.tags)
