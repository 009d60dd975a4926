"""What a signature claims, and which claims hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.model import Reference
from pipeline.trust.claims import Claims, joined_key

MADE = Claims(
    "tools/app", "dev/tools/app", "1.2.3", ("1.2.3", "1.2", "latest"), "linux/amd64", "a" * 40, "k" * 64
)


def test_they_are_read_back_from_annotations() -> None:
    assert Claims.of(MADE.annotations()) == MADE
    attested = replace(MADE, provenance="attested")
    assert Claims.of(attested.annotations()) == attested and attested.unmet(MADE) == ()
    assert "provenance" not in MADE.annotations()
    assert Claims.of(MADE.annotations() | {"provenance": 7}) == MADE
    bare = replace(MADE, key="")
    assert Claims.of(bare.annotations()) == bare and "key" not in bare.annotations()
    for name in ("image", "repository", "tag", "tags", "platform", "commit"):
        annotations = MADE.annotations()
        assert Claims.of({k: v for k, v in annotations.items() if k != name}) is None
        assert Claims.of(annotations | {name: 7}) is None
    assert Claims.of({}) is None


@pytest.mark.parametrize(
    "change, unmet",
    [
        ({}, ()),
        ({"image": "other"}, ("image tools/app, not other",)),
        ({"repository": "dev/other"}, ("repository dev/tools/app, not dev/other",)),
        ({"tag": "1", "tags": ("1",)}, ("tag 1.2.3, not 1",)),
        ({"tags": ("1.2.3", "stable")}, ("tags 1.2.3, 1.2, latest, not stable",)),
        ({"tags": ("1.2.3",)}, ()),
        ({"platform": "linux/arm64"}, ("platform linux/amd64, not linux/arm64",)),
        ({"commit": "b" * 40}, ()),
        ({"commit": "b" * 40, "key": "x"}, (f"commit {'a' * 40}, not {'b' * 40}",)),
        ({"commit": "b" * 40, "key": ""}, (f"commit {'a' * 40}, not {'b' * 40}",)),
        ({"key": "x"}, ()),
        ({"commit": "", "key": "x"}, ()),
        ({"provenance": "attested"}, ("provenance none, not attested",)),
    ],
)
def test_what_is_wanted_and_not_claimed(change: dict[str, str], unmet: tuple[str, ...]) -> None:
    assert MADE.unmet(replace(MADE, **change)) == unmet  # type: ignore[arg-type]


@pytest.mark.parametrize("commit", ["local", "a" * 40 + "-dirty"])
def test_where_there_is_no_commit_the_inputs_decide(commit: str) -> None:
    made = replace(MADE, commit=commit)
    assert made.unmet(made) == ()
    assert made.unmet(replace(made, key="x")) == (f"commit {commit}, with other inputs",)
    assert made.unmet(replace(made, key="")) == ()


@pytest.mark.parametrize(
    "text, good",
    [
        ("prod/tools/app:1.2.3", True),
        ("prod/tools/app:1.2", True),
        ("prod/tools/app:latest", True),
        ("prod/tools/app:1.2.3-mr-12", True),
        ("prod/tools/app:ci-0123abc-1.2.3", True),
        ("prod/tools/app:ci-0123abc", True),
        ("prod/tools/app:1.2.4", False),
        ("prod/tools/app:1.2.30", False),
        ("prod/tools/app:v9", False),
        ("prod/tools/apple:1.2.3", False),
        ("prod/app:1.2.3", False),
        ("acme-tools/app-dev:1.2.3", True),
    ],
)
def test_what_a_reference_tells(text: str, good: bool) -> None:
    assert (MADE.unmet_by(Reference.parse(f"example.org/{text}")) == ()) is good


def test_the_key_of_an_index() -> None:
    assert joined_key(["a", "b"]) != joined_key(["b", "a"])
    assert joined_key(["a", ""]) == joined_key([]) == ""
