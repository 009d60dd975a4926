"""The laws of retention over random repositories: nothing that is kept loses anything."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from pipeline.policy.retention import RepositoryFacts, TagVerdict, decide, still_unneeded

from .registries import DIGESTS, closure, judged, without

EVERYTHING = 10_000
Judged = tuple[RepositoryFacts, tuple[TagVerdict, ...]]


def manifests(actions):
    return [action.digest for action in actions if not action.tag]


@given(judged())
def test_what_a_kept_tag_or_a_rollback_needs_stays(case: Judged) -> None:
    facts, verdicts = case
    decision = decide(facts, verdicts, EVERYTHING)
    kept = {v.digest for v in decision.kept} | set(facts.needed)
    assert not closure(facts, kept) & set(manifests(decision.actions))
    assert {v.tag for v in decision.kept} == {v.tag for v in verdicts if v.keep}
    assert {a.tag for a in decision.actions if a.tag and a.tag not in facts.attached} == {
        v.tag for v in verdicts if not v.keep
    }


@given(judged())
def test_only_what_something_doomed_needed_goes(case: Judged) -> None:
    """Nothing goes that no expired tag, no earlier run and no rule for untagged manifests leads to."""
    facts, verdicts = case
    decision = decide(facts, verdicts, EVERYTHING)
    orphans = {n.digest for n in facts.nodes.values() if n.subjects and n.subjects <= facts.gone}
    orphans |= {facts.tags[tag] for tag, subject in facts.attached.items() if subject in facts.gone}
    roots = {v.digest for v in verdicts if not v.keep} | facts.condemned | set(facts.untagged) | orphans
    assert set(manifests(decision.actions)) <= closure(facts, roots)
    assert not set(manifests(decision.actions)) & facts.gone
    assert all(action.reason for action in decision.actions)


@given(judged())
def test_tags_go_first_then_parents_before_children(case: Judged) -> None:
    facts, verdicts = case
    actions = decide(facts, verdicts, EVERYTHING).actions
    assert [bool(action.tag) for action in actions] == sorted((bool(a.tag) for a in actions), reverse=True)
    order = manifests(actions)
    assert len(set(order)) == len(order)
    for number, digest in enumerate(order):
        children = facts.nodes[digest].children if digest in facts.nodes else ()
        assert not set(children) & set(order[:number])


@given(judged(), st.integers(0, 6))
def test_no_run_deletes_more_than_its_limit_and_runs_come_to_an_end(case: Judged, limit: int) -> None:
    facts, verdicts = case
    whole = decide(facts, verdicts, EVERYTHING)
    part = decide(facts, verdicts, limit)
    assert len(part.actions) <= limit
    assert part.left == len(whole.actions) - len(part.actions)
    kept = {v.digest for v in verdicts if v.keep} | set(facts.needed)
    assert not closure(facts, kept) & set(manifests(part.actions))


@given(judged(), st.integers(0, 40))
def test_a_run_that_was_killed_is_completed_by_the_next(case: Judged, done: int) -> None:
    """The next run sees what is left, and knows what the killed one was deleting."""
    facts, verdicts = case
    actions = decide(facts, verdicts, EVERYTHING).actions
    after = without(facts, actions[:done])
    condemned = facts.condemned | set(manifests(actions))
    again = replace(after, condemned=frozenset(condemned & after.nodes.keys()))
    left = tuple(v for v in verdicts if v.tag in again.tags)
    rest = decide(again, left, EVERYTHING).actions
    both = without(again, rest)
    whole = without(facts, actions)
    assert both.nodes.keys() == whole.nodes.keys()
    assert both.tags == whole.tags


@given(judged(), st.data())
def test_a_tag_that_appears_meanwhile_saves_what_it_needs(case: Judged, data: st.DataObject) -> None:
    facts, verdicts = case
    actions = decide(facts, verdicts, EVERYTHING).actions
    digest = data.draw(st.sampled_from(sorted(facts.nodes)))
    moved = data.draw(st.sampled_from(["new", *sorted(t for t in facts.tags if t not in facts.attached)]))
    now = replace(facts, tags={**facts.tags, moved: digest})
    still = still_unneeded(now, actions)
    assert set(still) <= set(actions)
    gone = {(a.tag, a.digest) for a in still if a.tag}
    if (moved, digest) not in gone:
        assert not closure(now, {digest}) & set(manifests(still))
    staying = {d for t, d in now.tags.items() if (t, d) not in gone and t not in now.attached}
    assert not closure(now, staying) & set(manifests(still))


@given(judged())
def test_a_plan_holds_on_a_registry_that_did_not_change(case: Judged) -> None:
    facts, verdicts = case
    actions = decide(facts, verdicts, EVERYTHING).actions
    assert still_unneeded(facts, actions) == actions


@given(judged())
def test_where_no_tag_goes_alone_the_rest_is_as_safe(case: Judged) -> None:
    facts, verdicts = case
    decision = decide(facts, verdicts, EVERYTHING).whole_versions()
    going = set(manifests(decision.actions))
    assert all(action.digest in going for action in decision.actions)
    assert not closure(facts, {v.digest for v in decision.kept if v.tag not in facts.attached}) & going


def test_random_repositories_have_what_matters() -> None:
    """The laws would hold of repositories without referrers, too."""
    for wanted in (
        lambda case: any(n.subjects and n.children for n in case[0].nodes.values()),
        lambda case: len(decide(*case, EVERYTHING).actions) > 4,
        lambda case: any(s in case[0].gone for s in case[0].attached.values()),
    ):
        assert find(judged(), wanted, settings=settings(phases=[Phase.generate], max_examples=2_000))
    assert len(DIGESTS) > 10
