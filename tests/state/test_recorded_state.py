"""Where a rollback without names goes: what the last promotion moved, and to which state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pipeline.model import Digest
from pipeline.policy.tag_moves import TagPosition
from pipeline.release.recorded_state import last_promoted, named_state, previous_state, promoted_state
from pipeline.state.ledger import Act, LedgerEntry, TagChange

A, B, C = (Digest.of(text) for text in (b"a", b"b", b"c"))


def history(*steps: tuple[str, Mapping[str, Digest]]) -> list[LedgerEntry]:
    """Entries, the newest first: the command, and where it left the tag `1` of images."""
    tags: dict[str, TagPosition] = {}
    entries = []
    for number, (command, moved) in enumerate(steps, 1):
        changes = []
        for image, digest in moved.items():
            before = tags[f"{image}:1"].digest if f"{image}:1" in tags else None
            changes.append(TagChange(image, "1", before, digest))
            tags[f"{image}:1"] = TagPosition(digest)
        entries.append(LedgerEntry("prod", number, Act(command), tuple(changes), dict(tags)))
    return entries[::-1]


def test_images_of_earlier_promotions_are_left_alone() -> None:
    entries = history(("run", {"old": A, "app": A}), ("run", {"old": B}), ("run", {"app": B, "worker": C}))
    assert last_promoted(entries) == ("app", "worker")
    assert last_promoted(history()) == ()
    found = previous_state(entries, "app")
    assert found and found.tags["1"].digest == A and found.entry == 1
    assert previous_state(entries, "worker") is None, "it was new"


def test_what_was_rolled_back_is_not_gone_back_to() -> None:
    entries = history(("run", {"app": A}), ("run", {"app": B}), ("run", {"app": C}), ("rollback", {"app": B}))
    assert last_promoted(entries) == ("app",)
    found = previous_state(entries, "app")
    assert found and found.entry == 1
    promoted = promoted_state(entries, "app")
    assert promoted and promoted.tags["1"].digest == C


def test_a_rollback_that_was_interrupted_is_completed_and_no_other() -> None:
    entries = history(("run", {"app": A}), ("run", {"app": B}), ("run", {"app": C}), ("rollback", {"app": B}))
    newest, *others = entries
    found = previous_state([replace(newest, complete=False), *others], "app")
    assert found and found.tags["1"].digest == B
    again = history(
        *[("run", {"app": A}), ("run", {"app": B}), ("rollback", {"app": A}), ("run", {"app": C})]
    )
    found = previous_state([again[0], replace(again[1], complete=False), *again[2:]], "app")
    assert found and found.tags["1"].digest == A, "what was promoted since counts"


def test_a_state_is_named_by_entry_or_digest() -> None:
    entries = history(("run", {"app": A}), ("run", {"other": B}), ("run", {"app": C}))
    assert [named_state(entries, "app", name) is not None for name in ("2", "4", str(B), str(A))] == [
        True, False, False, True,
    ]  # fmt: skip
