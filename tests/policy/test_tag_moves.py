"""What becomes of a tag: a table of situations, and the laws over random histories of releases and strangers."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Digest
from pipeline.model.tag_rules import TagRules
from pipeline.policy import release_tags
from pipeline.policy.tag_moves import (
    NOT_OURS,
    Permissions,
    TagAction,
    TagPosition,
    TagState,
    WantedTags,
    decide,
    is_revised,
    refused,
    revision_tag,
)
from pipeline.policy.tags import parse_version
from pipeline.policy.version_order import is_older

OLD, NEW, FOREIGN = (Digest.of(text) for text in (b"old", b"new", b"foreign"))
TAGS = ("1.2.3", "1.2")
IMMUTABLE = "immutable by the environment's patterns"


def at(digest: Digest | None, version: str = "1.2.3", **more: object) -> TagPosition:
    return TagPosition(digest, version, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "left", "rules", "permissions", "expected"),
    [
        (None, None, {}, {}, ("move", "")),
        (NEW, None, {}, {}, ("in place", "")),
        (NEW, at(OLD), {}, {}, ("in place", "")),  # whoever moved it there
        (OLD, at(OLD), {}, {}, ("move", "")),
        (FOREIGN, at(OLD), {}, {}, ("refuse", NOT_OURS)),
        (FOREIGN, None, {}, {}, ("refuse", NOT_OURS)),
        (None, at(OLD), {}, {}, ("refuse", NOT_OURS)),
        (FOREIGN, at(OLD), {}, {"force": True}, ("move", "")),
        (None, at(OLD), {}, {"force": True}, ("move", "")),
        (OLD, at(NEW, before=OLD, pending=True), {}, {}, ("move", "")),
        (None, at(NEW, pending=True), {}, {}, ("move", "")),
        (FOREIGN, at(NEW, before=OLD, pending=True), {}, {}, ("refuse", NOT_OURS)),
        (OLD, at(NEW, before=OLD), {}, {}, ("refuse", NOT_OURS)),
        (OLD, at(OLD), {"rebuilt": "refuse"}, {}, ("refuse", "the environment refuses rebuilt versions")),
        (OLD, at(OLD), {"rebuilt": "revision"}, {}, ("keep", "built again: the revision beside it is the new one")),
        (FOREIGN, at(OLD), {"rebuilt": "revision"}, {}, ("refuse", NOT_OURS)),
        (OLD, at(OLD), {"immutable": ("1.*.*",)}, {}, ("refuse", IMMUTABLE)),
        (FOREIGN, at(NEW), {"immutable": ("*",)}, {"force": True}, ("move", "")),  # put back
        (FOREIGN, at(OLD), {"immutable": ("*",)}, {"force": True}, ("refuse", IMMUTABLE)),
        (FOREIGN, None, {"immutable": ("*",)}, {"force": True}, ("refuse", IMMUTABLE)),
        (None, at(OLD), {"immutable": ("*",)}, {"force": True}, ("refuse", IMMUTABLE)),
        (None, at(OLD, pending=True), {"immutable": ("*",)}, {}, ("move", "")),  # it was never written
        (OLD, at(OLD), {}, {"pinned": "rolled back"}, ("keep", "rolled back")),
        (FOREIGN, at(OLD), {}, {"pinned": "rolled back"}, ("keep", "rolled back")),
    ],
)  # fmt: skip
def test_a_versions_own_tag(
    now: Digest | None,
    left: TagPosition | None,
    rules: dict[str, object],
    permissions: dict[str, object],
    expected: tuple[str, str],
) -> None:
    [found] = decide(
        WantedTags(NEW, "1.2.3", TAGS),
        {"1.2.3": TagState(now, left)},
        TagRules(**rules),  # type: ignore[arg-type]
        Permissions(**permissions),  # type: ignore[arg-type]
    )
    assert (found.action, found.reason) == expected
    assert found.drifted == (expected[1] == NOT_OURS)


@pytest.mark.parametrize(
    ("held", "permissions", "expected"),
    [
        ("1.2.2", {}, ("move", "")),
        ("1.2.3", {}, ("move", "")),
        ("1.2.4", {}, ("keep", "1.2.4 is newer than 1.2.3")),
        ("1.10.0", {}, ("keep", "1.10.0 is newer than 1.2.3")),
        ("1.2.4", {"backwards": "1.2.4 breaks logins"}, ("move", "")),
        ("1.2.4", {"force": True}, ("keep", "1.2.4 is newer than 1.2.3")),
        ("bookworm", {}, ("move", "")),  # no order: the catalogue decides
    ],
)
def test_a_rolling_tag_only_moves_forward(
    held: str, permissions: dict[str, object], expected: tuple[str, str]
) -> None:
    wanted, states = WantedTags(NEW, "1.2.3", ("1.2.3", "1")), {"1": TagState(OLD, at(OLD, held))}
    [found] = decide(wanted, states, TagRules(rebuilt="refuse"), Permissions(**permissions))  # type: ignore[arg-type]
    assert (found.action, found.reason) == expected


def test_a_tag_that_strangers_moved_and_force_overwrites_has_no_version_to_go_back_from() -> None:
    states = {"1": TagState(FOREIGN, at(OLD, "9.9.9"))}
    [found] = decide(WantedTags(NEW, "1.2.3", ("1.2.3", "1")), states, TagRules(), Permissions(force=True))
    assert found.action is TagAction.MOVE


@pytest.mark.parametrize(
    ("version", "than", "older"),
    [
        ("1.2.3", "1.2.10", True),
        ("1.2.10", "1.2.3", False),
        ("1.2.3", "1.2.3", False),
        ("v1.2.3-rc.1", "v1.2.3", True),
        ("2026.9", "2026.11", True),
        ("2026.11", "2026.11.1", True),
        ("3.11.2-slim", "3.11.5-slim", True),
        ("3.11", "3.12-slim", False),
        ("bookworm", "trixie", False),
        ("v1", "2", False),
    ],
)
def test_the_order_of_versions(version: str, than: str, older: bool) -> None:
    assert is_older(version, than) is older


def test_revisions_are_numbered() -> None:
    known = dict[str, Digest | None]()
    assert revision_tag("3.11.2", NEW, known) == "3.11.2-r2"
    known["3.11.2-r2"] = OLD
    assert revision_tag("3.11.2", NEW, known) == "3.11.2-r3"
    known["3.11.2-r3"] = NEW
    assert revision_tag("3.11.2", NEW, known) == "3.11.2-r3"


VERSIONS = ("v1.0.0", "v1.0.1", "v1.1.0-rc.1", "v1.1.0", "v1.1.1", "v2.0.0-beta.1", "v2.0.0", "v10.0.0")
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("release"), st.sampled_from(VERSIONS), st.integers(0, 2)),
        st.tuples(st.just("stranger"), st.sampled_from(("v1", "v1.0", "latest", *VERSIONS)), st.integers(7, 9)),
        st.tuples(st.just("delete"), st.sampled_from(("v1", "latest", *VERSIONS)), st.just(0)),
        st.tuples(st.just("interrupted"), st.sampled_from(VERSIONS), st.integers(0, 3)),
    ),
    max_size=25,
)  # fmt: skip


@dataclass
class Environment:
    """An environment as decisions leave it: the registry's tags, and the ledger's memory of them."""

    rules: TagRules
    tags: dict[str, Digest] = field(default_factory=dict)
    left: dict[str, TagPosition] = field(default_factory=dict)

    def promote(self, wanted: WantedTags, *, moves: int | None = None) -> bool:
        """Promote; with `moves` it is interrupted after that many. False when it is refused."""
        states = {tag: TagState(self.tags.get(tag), self.left.get(tag)) for tag in wanted.tags}
        own = states[wanted.version]
        if is_revised(wanted, wanted.version, self.rules) and own.written not in (None, wanted.digest):
            known = {t: p.digest for t, p in self.left.items()} | self.tags
            tag = revision_tag(wanted.version, wanted.digest, known)
            states[tag] = TagState(self.tags.get(tag), self.left.get(tag))
        decisions = decide(wanted, states, self.rules)
        if refused(decisions):
            return False
        moved = [d for d in decisions if d.action is TagAction.MOVE]
        for d in moved:
            self.left[d.tag] = TagPosition(wanted.digest, wanted.version, d.state.now, pending=True)
        for d in moved[:moves]:
            self.tags[d.tag] = wanted.digest
        if moves is None:
            self.left |= {d.tag: TagPosition(wanted.digest, wanted.version) for d in moved}
        return True


@given(EVENTS, st.sampled_from(("move", "refuse", "revision")), st.booleans())
def test_the_laws_hold_over_any_history(
    events: list[tuple[str, str, int]], rebuilt: str, release: bool
) -> None:
    """Rolling tags never go backwards, a release never moves, prereleases have their own tags alone, a rerun moves
    nothing, and what strangers moved or deleted stays as they left it."""
    env = Environment(TagRules(rebuilt=rebuilt))  # type: ignore[arg-type]
    written: dict[str, Digest] = {}
    versions: dict[Digest, str] = {}
    strangers = set[str]()
    for kind, name, number in events:
        before = dict(env.tags)
        if kind in ("stranger", "delete"):
            held = env.tags.pop(name, None)
            if kind == "stranger":
                env.tags[name] = Digest.of(f"stranger {number}".encode())
            # what is deleted while a move is pending may as well not have been moved yet
            if kind == "stranger" or (held and name in env.left and not env.left[name].pending):
                strangers.add(name)
            elif name not in env.left or env.left[name].before is None:
                strangers.discard(name)  # it was theirs alone
                written.pop(name, None)
            continue
        wanted = WantedTags(Digest.of(f"{name} {number}".encode()), name, release_tags(name), release=release)
        versions[wanted.digest] = name
        done = env.promote(wanted, moves=number if kind == "interrupted" else None)
        if not done:
            assert env.tags == before
            continue
        changed = {tag for tag in env.tags if env.tags[tag] != before.get(tag)}
        assert not changed & strangers
        version = parse_version(name)
        assert version
        if version.prerelease:
            assert all(tag == name or tag.startswith(f"{name}-r") for tag in changed)
        for tag in changed:
            if tag == name or tag.startswith(f"{name}-r"):
                if release or rebuilt != "move":
                    assert written.setdefault(tag, wanted.digest) == wanted.digest, "it was written once"
            else:
                held = versions.get(before[tag]) if tag in before else None
                assert tag in release_tags(name) and not (held and is_older(name, held))
        if kind == "release":
            again = dict(env.tags)
            assert env.promote(wanted) and env.tags == again, "a rerun is a no-op"


@given(st.permutations(VERSIONS))
def test_rolling_tags_end_the_same_in_any_order(order: list[str]) -> None:
    env = Environment(TagRules())
    for version in order:
        assert env.promote(
            WantedTags(Digest.of(version.encode()), version, release_tags(version), release=True)
        )
    names = {tag: position.version for tag, position in env.left.items()}
    assert (names["latest"], names["v1"], names["v1.0"], names["v2"]) == (
        "v10.0.0",
        "v1.1.1",
        "v1.0.1",
        "v2.0.0",
    )
