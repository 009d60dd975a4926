"""Automatic aliases: S1's examples, tables for every strategy, and laws."""

import pytest
import semver
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalogue.aliases import automatic_aliases, read_version
from tests.catalogue.sample import folder, image, plan, problems


def test_the_examples_of_the_description():
    tags = ["9.0.100", "9.0.200", "9.1.50"]
    assert automatic_aliases(tags) == {"9": "9.1.50", "9.0": "9.0.200", "9.1": "9.1.50"}


TABLE = [
    ("semver", ["3.9.1", "3.10.0"], {"3": "3.10.0", "3.9": "3.9.1", "3.10": "3.10.0"}),
    ("semver", ["1.2.3", "1.2.4-rc.1"], {"1": "1.2.3", "1.2": "1.2.3"}),
    ("semver", ["2.0.0-rc.1"], {}),
    ("semver", ["2025.09", "3.13", "latest", "1.02.3", "1.2.3.4"], {}),
    ("semver", ["9.1.50", "9"], {"9.1": "9.1.50"}),
    ("semver", ["v1.2.3", "1.2.4"], {"v1": "v1.2.3", "v1.2": "v1.2.3", "1": "1.2.4", "1.2": "1.2.4"}),
    ("semver", ["0.0.0"], {"0": "0.0.0", "0.0": "0.0.0"}),
    ("numeric", ["2025.09", "2025.10", "2024.12"], {"2024": "2024.12", "2025": "2025.10"}),
    ("numeric", ["1.2.3.4", "1.2.10"], {"1": "1.2.10", "1.2": "1.2.10", "1.2.3": "1.2.3.4"}),
    ("numeric", ["1.2-rc1", "x.1", "7"], {}),
    ("calver", ["2025.09", "2025.10", "2025.10-rc1"], {"2025": "2025.10"}),
    (
        "calver",
        ["2025-09-30", "2025-10-01"],
        {"2025": "2025-10-01", "2025-09": "2025-09-30", "2025-10": "2025-10-01"},
    ),
    ("calver", ["24.04.1", "24.04.2"], {"24": "24.04.2", "24.04": "24.04.2"}),
    ("calver", ["2025.13", "1.2.3", "2025-09.1"], {}),
    ("lexical", ["bookworm-20250901", "bookworm-20251001"], {"bookworm": "bookworm-20251001"}),
    ("lexical", ["a.9", "a.10"], {"a": "a.9"}),
    ("explicit", ["1.2.3"], {}),
]


@pytest.mark.parametrize(("strategy", "tags", "expected"), TABLE)
def test_every_strategy(strategy, tags, expected):
    assert automatic_aliases(tags, strategy) == expected
    assert automatic_aliases(reversed(tags), strategy) == expected


NUMBERS = st.integers(0, 12)
RELEASES = st.tuples(NUMBERS, NUMBERS, NUMBERS).map(lambda n: ".".join(map(str, n)))
PRERELEASES = st.tuples(RELEASES, st.sampled_from(["rc.1", "alpha", "0", "a.b"])).map("-".join)
TAGS = st.lists(
    RELEASES | PRERELEASES | st.tuples(NUMBERS, NUMBERS).map(lambda n: f"{n[0]}.{n[1]}") | NUMBERS.map(str),
    max_size=12,
)


@given(TAGS)
def test_an_alias_is_never_a_tag_and_never_a_prerelease(tags):
    for alias, tag in automatic_aliases(tags).items():
        assert alias not in tags
        assert tag in tags
        assert semver.Version.parse(tag).prerelease is None
        assert tag.startswith(f"{alias}.")


@given(TAGS)
def test_an_alias_names_the_highest_by_the_reference_library(tags):
    releases = [semver.Version.parse(t) for t in tags if semver.Version.is_valid(t)]
    releases = [v for v in releases if v.prerelease is None]
    expected = {}
    for version in releases:
        for prefix in (f"{version.major}", f"{version.major}.{version.minor}"):
            if prefix not in tags:
                expected[prefix] = max(v for v in releases if str(v).startswith(f"{prefix}."))
    assert automatic_aliases(tags) == {alias: str(version) for alias, version in expected.items()}


@given(TAGS, st.randoms())
def test_order_and_repetition_do_not_matter(tags, random):
    shuffled = [*tags, *tags]
    random.shuffle(shuffled)
    assert automatic_aliases(shuffled) == automatic_aliases(tags)


@given(TAGS, RELEASES)
def test_a_new_release_moves_an_alias_only_forward(tags, new):
    before, after = automatic_aliases(tags), automatic_aliases([*tags, new])
    for alias, tag in before.items():
        assert semver.Version.parse(after[alias]) >= semver.Version.parse(tag)


@given(
    st.lists(st.text("0123456789.-ab", min_size=1, max_size=8), max_size=8),
    st.sampled_from(["numeric", "calver"]),
)
def test_strategies_agree_with_themselves(tags, strategy):
    for alias, tag in automatic_aliases(tags, strategy).items():
        best = read_version(tag, strategy)
        for other in tags:
            version = read_version(other, strategy)
            if version and alias in version.prefixes:
                assert version.order <= best.order


def tags_of(files, **options):
    return {t.tag: list(t.tags) for t in plan(files, **options).targets}


def test_variants_bear_every_alias_with_their_suffix():
    found = tags_of(folder("net", image("[9.0.100, 9.0.200, 9.1.50]", "variants: [semantic]\n")))
    assert found == {
        "9.0.100": ["9.0.100"],
        "9.0.200": ["9.0.200", "9.0"],
        "9.1.50": ["9.1.50", "9", "9.1"],
        "9.0.100-semantic": ["9.0.100-semantic"],
        "9.0.200-semantic": ["9.0.200-semantic", "9.0-semantic"],
        "9.1.50-semantic": ["9.1.50-semantic", "9-semantic", "9.1-semantic"],
    }


def test_aliases_span_the_versions_folders():
    files = folder("py/3", image("[3.13.7]", "variants: [dev]\n")) | folder("py/2", image("[2.7.18]"))
    files |= folder("py/3.12", image("[3.12.1]"))
    assert tags_of(files) == {
        "2.7.18": ["2.7.18", "2", "2.7"],
        "3.12.1": ["3.12.1", "3.12"],
        "3.13.7": ["3.13.7", "3", "3.13"],
        "3.13.7-dev": ["3.13.7-dev", "3-dev", "3.13-dev"],
    }


def test_listed_aliases_win_over_automatic_ones_and_reach_variants():
    tags = "[{name: 1.0.0, aliases: [1, stable]}, 1.1.0]"
    assert tags_of(folder("a", image(tags, "variants: [x]\n"))) == {
        "1.0.0": ["1.0.0", "1", "1.0", "stable"],
        "1.1.0": ["1.1.0", "1.1"],
        "1.0.0-x": ["1.0.0-x", "1-x", "1.0-x", "stable-x"],
        "1.1.0-x": ["1.1.0-x", "1.1-x"],
    }


def test_aliases_can_be_switched_off():
    assert tags_of(folder("a", image("[1.0.0]", "aliases: false\n"))) == {"1.0.0": ["1.0.0"]}
    assert tags_of(folder("a", image("[1.0.0]", "version_strategy: explicit\n"))) == {"1.0.0": ["1.0.0"]}


def test_an_automatic_alias_gives_way_to_a_tag_that_looks_like_a_variants():
    files = folder("a", image("[1.0.0, 1-x]", "variants: [{name: x}]\n"))
    assert tags_of(files)["1.0.0-x"] == ["1.0.0-x", "1.0-x"]


def test_clashing_aliases_are_refused():
    tags = "[{name: 1.0.0, aliases: [a]}, {name: 2.0.0, aliases: [a, 1.0.0]}]"
    found = problems(folder("a", image(tags)))
    assert found == [
        "images/a/image.yml:1:61: tags[1].aliases[0]: the alias 'a' already stands for 1.0.0",
        "images/a/image.yml:1:64: tags[1].aliases[1]: the alias '1.0.0' is the name of a tag",
    ]
