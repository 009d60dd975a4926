"""Who may have signed: exact, or by an expression that has to match the whole name and means the same to cosign."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.verification.identity import Certified, Identity, Pattern

ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = "https://github.com/acme/images/.github/workflows/images.yml@refs/heads/main"


@pytest.mark.parametrize(
    ("pattern", "found", "matches"),
    [
        (Pattern(WORKFLOW), WORKFLOW, True),
        (Pattern(WORKFLOW), WORKFLOW + "2", False),
        (Pattern("a.c"), "abc", False),
        (Pattern(r"^https://github\.com/acme/.*@refs/tags/v.*$", regexp=True), WORKFLOW, False),
        (Pattern(r"^https://github\.com/acme/.*@refs/heads/main$", regexp=True), WORKFLOW, True),
        (Pattern(r"^https://github\.com/acme/.*$", regexp=True), f"https://evil.example/{WORKFLOW}", False),
        (Pattern("^a|b$", regexp=True), "ax", False),
        (Pattern("^a|b$", regexp=True), "xb", False),
        (Pattern("^a$", regexp=True), "a\n", False),
        (Pattern("^a.b$", regexp=True), "a\nb", False),
        (Pattern(r"^\d$", regexp=True), "٣", False),
    ],
)
def test_a_whole_name_matches_or_does_not(pattern: Pattern, found: str, matches: bool) -> None:
    assert pattern.matches(found) is matches


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("github.com/acme", "not anchored"),
        ("^github.com/acme", "not anchored"),
        ("github.com/acme$", "not anchored"),
        (r"^github.com/acme\$", "not anchored"),
        ("^($", "not a regular expression"),
        ("^(?=a)a$", "lookaround"),
        ("^(?<!x)a$", "lookaround"),
        (r"^(a)\1$", "backreference"),
        (r"^(?P<x>a)(?P=x)$", "backreference"),
        ("^a++$", "lookaround"),
    ],
)
def test_expressions_that_would_let_others_in_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Pattern(text, regexp=True)


@pytest.mark.parametrize("text", [r"^a\(\?=b$", r"^\\(a|b)$", "^(?:a|b)+$", "^[a-z]+@b$"])
def test_what_looks_like_it_and_is_not_is_taken(text: str) -> None:
    assert Pattern(text, regexp=True).text == text


def test_what_is_not_met_is_reported_with_what_was_found() -> None:
    wanted = Identity(Pattern(WORKFLOW), Pattern(ISSUER))
    assert wanted.unmet(Certified(WORKFLOW, ISSUER)) is None
    assert wanted.unmet(Certified("eve", ISSUER)) == f"its certificate is for eve, which is not {WORKFLOW}"
    assert (
        wanted.unmet(Certified(WORKFLOW, "https://x"))
        == f"its identity was issued by https://x, not by {ISSUER}"
    )
    several = Identity(Pattern("^b.*$", regexp=True), Pattern(ISSUER))
    assert several.unmet(Certified("eve", ISSUER)) == "its certificate is for eve, which does not match ^b.*$"


_PATTERNS = st.builds(Pattern, st.text(min_size=1)) | st.sampled_from([Pattern("^a.*$", regexp=True)])


@given(st.builds(Identity, _PATTERNS, _PATTERNS))
def test_an_identity_is_read_back(identity: Identity) -> None:
    assert Identity.from_json(identity.to_json()) == identity


@given(st.text(min_size=1), st.text(min_size=1))
def test_an_exact_name_is_met_by_itself_alone(wanted: str, found: str) -> None:
    assert Pattern(wanted).matches(found) is (wanted == found)
