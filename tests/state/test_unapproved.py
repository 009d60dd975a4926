"""Entries of a ledger without approvals, in an environment that requires them."""

from __future__ import annotations

import pytest

from pipeline.release.history import unapproved
from pipeline.state.ledger import Act, LedgerEntry


@pytest.mark.parametrize(
    ("approvers", "found"),
    [
        ((), []),
        (((), ()), []),
        ((("ada",),), []),
        (((), ("ada",), ()), [3]),
        ((("ada",), ("ada", "ben")), []),
        (((), ("ada",), (), ("ben",), ()), [5, 3]),
    ],
)
def test_what_follows_an_approved_change_is_approved(
    approvers: tuple[tuple[str, ...], ...], found: list[int]
) -> None:
    """Oldest first; those before the first approval are from before it was required."""
    entries = [
        LedgerEntry("prod", number, Act("promote", "eve", approvers=names), ())
        for number, names in enumerate(approvers, 1)
    ]
    assert unapproved(entries[::-1]) == [f"entry {n}, promote by eve, was approved by nobody" for n in found]


def test_approvals_are_kept_in_entries() -> None:
    entry = LedgerEntry("prod", 1, Act("promote", plan="sha256:" + "0" * 64, approvers=("ada", "ben")), ())
    assert LedgerEntry.from_bytes(entry.to_bytes()) == entry
    assert b"plan" not in LedgerEntry("prod", 1, Act("promote"), ()).to_bytes()
