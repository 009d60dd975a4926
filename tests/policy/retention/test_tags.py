"""Which tags rules keep, and why."""

from __future__ import annotations

import pytest

from pipeline.model import Digest
from pipeline.model.retention import RetentionRule
from pipeline.policy.retention import DAY, BuildsFacts, TagFacts, dated, judge_builds, judge_tags

NOW = 1_000 * DAY


def digest(text: str) -> Digest:
    return Digest.of(text.encode())


def kept(rules, tags, **facts):
    """The tags that stay; `tags` are names with their ages in days."""
    named = {tag: digest(tag) for tag in tags}
    dates = {tag: NOW - age * DAY for tag, age in tags.items() if age is not None}
    verdicts = judge_tags(TagFacts(named, NOW, dates, **facts), rules)
    assert [v.tag for v in verdicts] == sorted(tags) and all(v.reason for v in verdicts)
    return {v.tag for v in verdicts if v.keep}


def test_what_no_rule_matches_is_kept():
    assert kept([RetentionRule(("ci-*",), days=7)], {"latest": 900, "ci-1": 900}) == {"latest"}


def test_days_begin_when_a_tag_is_dated_and_end_sharply():
    rule = [RetentionRule(("*",), days=7)]
    assert kept(rule, {"young": 6, "edge": 7, "undated": None, "future": -3}) == {
        "young",
        "undated",
        "future",
    }


def test_the_first_rule_that_matches_decides():
    rules = [RetentionRule(("ci-keep",), forever=True), RetentionRule(("ci-*",), days=1)]
    assert kept(rules, {"ci-keep": 90, "ci-x": 90}) == {"ci-keep"}


def test_one_condition_is_enough():
    rule = [RetentionRule(("b-*",), days=7, last=1)]
    assert kept(rule, {"b-1": 90, "b-2": 80, "b-3": 70}) == {"b-3"}
    assert kept(rule, {"b-1": 90, "b-2": 5, "b-3": 4}) == {"b-2", "b-3"}


def test_last_counts_for_each_pattern_and_by_date():
    rule = [RetentionRule(("dev-*", "nightly-*"), last=2)]
    tags = {"dev-a": 3, "dev-b": 2, "dev-c": 1, "nightly-a": 30, "nightly-b": 20}
    assert kept(rule, tags) == {"dev-b", "dev-c", "nightly-a", "nightly-b"}


def test_images_of_one_date_stay_or_go_together():
    rule = [RetentionRule(("b-*",), last=1)]
    assert kept(rule, {"b-1": 5, "b-2": 5, "b-3": 9}) == {"b-1", "b-2"}


def test_last_counts_images_not_tags():
    same = digest("image")
    tags = {"b-1": same, "b-2": same, "b-3": digest("older"), "b-4": digest("oldest")}
    dates = {"b-1": NOW, "b-2": NOW - DAY, "b-3": NOW - 2 * DAY, "b-4": NOW - 3 * DAY}
    verdicts = judge_tags(TagFacts(tags, NOW, dates), [RetentionRule(("b-*",), last=2)])
    assert [v.keep for v in verdicts] == [True, True, True, False]


def test_versions_are_ordered_as_versions_whenever_they_were_pushed():
    rule = [RetentionRule(("*",), versions="release", last=2)]
    tags = {"v1.9.0": 1, "v1.10.0": 50, "v1.2.0": 0, "v2.0.0-rc.1": 900, "latest": 900}
    assert kept(rule, tags) == {"v1.10.0", "v1.9.0", "v2.0.0-rc.1", "latest"}


def test_lines_and_the_last_of_each():
    tags = dict.fromkeys(["1.1.0", "1.2.0", "1.2.1", "2.0.0", "2.0.3", "1.2.2-rc.1"], 99)
    assert kept([RetentionRule(("*",), lines=2)], tags) == {"1.2.0", "1.2.1", "1.2.2-rc.1", "2.0.0", "2.0.3"}
    assert kept([RetentionRule(("*",), versions="release", last_of_line=1)], tags) == {
        "1.1.0",
        "1.2.1",
        "2.0.3",
        "1.2.2-rc.1",
    }
    assert kept([RetentionRule(("*",), lines=1)], {"main": 900, "1.0.0": 1}) == {"main", "1.0.0"}


def test_pull_requests_go_when_they_are_closed():
    rule = [RetentionRule(("pr-{pr}", "pr-{pr}-*"), until_closed=True)]
    tags = {"pr-4": 1, "pr-4-arm": 1, "pr-5": 900, "pr-x": 900}
    assert kept(rule, tags, closed=frozenset({4})) == {"pr-5", "pr-x"}
    assert kept(rule, tags) == set(tags), "nobody listed the closed ones"
    assert kept(rule, tags, closed=frozenset()) == set(tags)


def test_pins_and_the_keep_list_come_before_rules():
    rule = [RetentionRule(("*",), days=1)]
    assert kept(rule, {"a": 9, "lts-1": 9}, kept=("lts-*",)) == {"lts-1"}
    assert kept(rule, {"a": 9, "b": 9}, kept=(str(digest("b")),)) == {"b"}
    assert kept(rule, {"a": 9}, pinned="rolled back") == {"a"}


@pytest.mark.parametrize("tag", ["ci-1+x", "CI-1", "xci-1", "ci", "ci-1\n"])
def test_patterns_match_whole_tags(tag):
    assert tag in kept([RetentionRule(("ci-?", "ci.*"), days=1)], {tag: 9})


def test_dates_are_read_for_rules_that_need_them():
    rules = [RetentionRule(("v*",), forever=True), RetentionRule(("*",), last=1)]
    assert dated(["v1", "b"], rules) == {"b"}


KEY, OLD, SPACE = "a" * 64, "b" * 64, "0" * 12


def builds(tags, **facts):
    named = {tag: digest(tag) for tag in tags}
    dates = {tag: NOW - age * DAY for tag, age in tags.items()}
    found = BuildsFacts(named, NOW, 30, frozenset({KEY}), dates=dates, **facts)
    return {v.tag for v in judge_builds(found) if v.keep}


def test_keys_stay_while_somebody_plans_them_and_all_their_tags_with_them():
    of_key = {tag: 90 for key in (KEY, OLD) for tag in (key, f"{key}-{SPACE}-record", f"{key}-attested")}
    assert builds(of_key) == {tag for tag in of_key if tag.startswith(KEY)}
    assert builds(of_key, seen={OLD: NOW - 29 * DAY}) == set(of_key)
    assert builds(of_key | {f"{OLD}-rebuilt": 3}) == set(of_key) | {f"{OLD}-rebuilt"}


def test_ledgers_stay_and_so_does_what_is_not_lockages():
    last, state = f"last-app-1-linux-amd64-{'1' * 12}-{SPACE}", f"standing-{SPACE}"
    tags = dict.fromkeys(
        [f"ledger-{'2' * 12}-{SPACE}", f"retention-{'3' * 12}-{SPACE}", "mine", last, state], 900
    )
    assert builds(tags) == set(tags) - {last, state}
    assert builds(tags, last=frozenset({last}), states=frozenset({state})) == set(tags)
    assert builds(tags, kept=frozenset({last})) == set(tags) - {state}
