"""Versions and their order: semver.org's and node-semver's documented cases, and tables for the other strategies.

No difference is accepted between these facts, the `semver` library and what the catalogue reads.
"""

from itertools import combinations, pairwise

import pytest
import semver

from pipeline.catalogue.aliases import automatic_aliases, read_version
from pipeline.model import valid_tag

# semver.org 2.0.0 §11.2 and §11.4, and one chain out of each other table below
CHAINS = [
    "1.0.0 2.0.0 2.1.0 2.1.1",
    "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0",
    "0.0.0-foo 0.0.0 0.0.1 0.9.0 0.9.9 0.10.0 0.99.0 1.0.0 1.2.3 2.0.0 2.7.2 3.0.0",
    "1.2.3-4 1.2.3-5 1.2.3-5-Foo 1.2.3-5-foo 1.2.3-asdf 1.2.3",
    "1.2.3-5 1.2.3-a 1.2.3-a.5 1.2.3-a.10 1.2.3-a.b 1.2.3",
    "1.2.3-a.b.c.5.d.100 1.2.3-a.b.c.10.d.5",
    "1.2.3-R2 1.2.3-r100 1.2.3-r2",
    "1.0.0-0 1.0.0-1 1.0.0-9 1.0.0-10 1.0.0-A 1.0.0-a 1.0.0-a-",
    "1.9.0 1.10.0 1.11.0",
    "9.0.100 9.0.200 9.1.50",
    "1.0.0 1.0.99999999999999999999 1.0.100000000000000000000 1.1.0",
]
# of equal precedence (§10), whatever the build says
BUILDS = [
    "1.0.0",
    "1.0.0+001",
    "1.0.0+20130313144700",
    "1.0.0+exp.sha.5114f85",
    "1.0.0+21AF26D3---117B344092BD",
]

VALID = """
0.0.4 1.2.3 10.20.30 1.1.2-prerelease+meta 1.1.2+meta 1.1.2+meta-valid 1.0.0-alpha 1.0.0-beta 1.0.0-alpha.beta
1.0.0-alpha.beta.1 1.0.0-alpha.1 1.0.0-alpha0.valid 1.0.0-alpha.0valid 1.0.0-rc.1+build.1 2.0.0-rc.1+build.123
1.2.3-beta 10.2.3-DEV-SNAPSHOT 1.2.3-SNAPSHOT-123 1.0.0 2.0.0 1.1.7 2.0.0+build.1848 2.0.1-alpha.1227
1.0.0-alpha+beta 1.2.3----RC-SNAPSHOT.12.9.1--.12+788 1.2.3----R-S.12.9.1--.12+meta 1.2.3----RC-SNAPSHOT.12.9.1--.12
1.0.0+0.build.1-rc.10000aaa-kk-0.1 99999999999999999999999.999999999999999999.99999999999999999 1.0.0-0A.is.legal
1.0.0-0 1.0.0-x-y-z.- 1.0.0--
""".split()  # noqa: SIM905
INVALID = """
1 1.2 1.2.3-0123 1.2.3-0123.0123 1.1.2+.123 +invalid -invalid -invalid+invalid -invalid.01 alpha alpha.beta
alpha.beta.1 alpha.1 alpha+beta alpha_beta alpha. alpha.. beta 1.0.0-alpha_beta -alpha. 1.0.0-alpha..
1.0.0-alpha..1 1.0.0-alpha...1 01.1.1 1.01.1 1.1.01 1.2.3.DEV 1.2-SNAPSHOT 1.2.31.2.3----RC-SNAPSHOT.12.09.1--..12+788
1.2-RC-SNAPSHOT -1.0.3-gamma+b7718 +justmeta 9.8.7+meta+meta 9.8.7-whatever+meta+meta 1.2.3.4 1.0.0- 1.0.0-01
99999999999999999999999.999999999999999999.99999999999999999----RC-SNAPSHOT.12.09.1--------------------------------..12
=1.2.3 1.x 1.2.x * ^1.2.3 ~1.2.3 >=1.2.3 1.2.3.0 1,2,3
""".split()  # noqa: SIM905
INVALID += [
    "",
    " 1.2.3",
    "1.2.3 ",
    "1.2.3\n",
    "1. 2.3",
    "1.2.3\N{ARABIC-INDIC DIGIT ONE}",
    "\N{FULLWIDTH DIGIT ONE}.2.3",
]


def releases(chain):
    return [v for v in chain.split() if semver.Version.parse(v).prerelease is None]


@pytest.mark.parametrize("chain", CHAINS)
def test_precedence(chain):
    versions = chain.split()
    for low, high in combinations(versions, 2):
        assert semver.Version.parse(low) < semver.Version.parse(high)
    for low, high in pairwise(releases(chain)):
        assert read_version(low, "semver").order < read_version(high, "semver").order
    assert all(read_version(v, "semver") is None for v in versions if v not in releases(chain))


@pytest.mark.parametrize("chain", [c for c in CHAINS if len(releases(c)) > 1])
def test_the_highest_of_a_chain_has_the_shortest_alias(chain):
    found = automatic_aliases(reversed(chain.split()))
    for major in {v.partition(".")[0] for v in releases(chain)}:
        assert found[major] == [v for v in releases(chain) if v.startswith(f"{major}.")][-1]


def test_what_follows_a_plus_orders_nothing_and_is_no_tag():
    for a, b in combinations(BUILDS, 2):
        assert semver.Version.parse(a).compare(b) == 0
    assert [v for v in BUILDS if valid_tag(v)] == ["1.0.0"]
    assert [v for v in BUILDS if read_version(v, "semver")] == ["1.0.0"]


@pytest.mark.parametrize("text", VALID)
def test_valid_versions(text):
    version = semver.Version.parse(text)
    takes_part = version.prerelease is None and version.build is None
    assert (read_version(text, "semver") is not None) is takes_part


@pytest.mark.parametrize("text", INVALID)
def test_what_is_no_version(text):
    if not text.endswith("\n"):  # which the library overlooks
        assert not semver.Version.is_valid(text)
    assert read_version(text, "semver") is None


@pytest.mark.parametrize("text", [v for v in (*VALID, *INVALID) if v[:1].isdigit()])
def test_a_v_in_front_changes_nothing_but_the_aliases(text):
    bare, prefixed = read_version(text, "semver"), read_version(f"v{text}", "semver")
    assert (bare is None) is (prefixed is None)
    if bare and prefixed:
        assert prefixed.order == bare.order
        assert prefixed.prefixes == tuple(f"v{p}" for p in bare.prefixes)
    assert read_version(f"V{text}", "semver") is None


ORDERS = [
    ("calver", "2024.12 2025.01 2025.1.1 2025.2 2025.09 2025.9.1 2025.10 2025.10.2 2025.10.10 2026.01"),
    ("calver", "2025-09 2025-09-29 2025-09-30 2025-10-01"),
    ("calver", "20.04 20.04.6 22.04 22.10 24.04 24.04.1"),
    ("numeric", "1.2 1.2.3 1.2.3.4 1.2.10 1.10 2.0 10.0"),
    ("numeric", "2025.09 2025.10 2026.1"),
    ("numeric", "0.0 0.1 0.01.1 1.0.999999999999999999"),
    ("lexical", "a.10 a.9 b bookworm-20250901 bookworm-20251001 trixie"),
    ("lexical", "1.10 1.9 A a"),
]

OUTSIDE = [
    (
        "calver",
        "2025 2025.13 2025.00 2025.0 1.2.3 202.01 2025-09.1 2025.09-rc1 2025.09rc1 v2025.09 2025_09 25.1.x",
    ),
    ("numeric", "7 1.2-rc1 1.x x.1 v1.2 1..2 1.2. .1 1.2.3-4 1_2 1.2345678901234567890"),
    ("explicit", "1.2.3 1.2 2025.09 a-b latest"),
]


@pytest.mark.parametrize(("strategy", "chain"), ORDERS)
def test_the_order_of_other_strategies(strategy, chain):
    orders = [read_version(tag, strategy).order for tag in chain.split()]
    assert orders == sorted(orders)
    assert len(set(orders)) == len(orders)


@pytest.mark.parametrize(("strategy", "tag"), [(s, tag) for s, tags in OUTSIDE for tag in tags.split()])
def test_what_takes_no_part(strategy, tag):
    assert read_version(tag, strategy) is None
    assert automatic_aliases([tag], strategy) == {}


@pytest.mark.parametrize("strategy", ["calver", "numeric"])
def test_two_spellings_of_one_version_give_one_answer(strategy):
    for tags in (["2025.09", "2025.9"], ["2025.9", "2025.09"]):
        assert automatic_aliases(tags, strategy) == {"2025": "2025.9"}
