"""`WWW-Authenticate` and the scopes of tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.registry.auth.challenge import (
    TokenScope,
    covers,
    parse_challenges,
    parse_scopes,
    pull,
    push,
    union,
)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            [
                'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"'
            ],
            [
                (
                    "bearer",
                    {
                        "realm": "https://auth.docker.io/token",
                        "service": "registry.docker.io",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        (["Basic realm=plain"], [("basic", {"realm": "plain"})]),
        (['BASIC realm="a \\"quoted\\" name"'], [("basic", {"realm": 'a "quoted" name'})]),
        (["Negotiate", 'Basic realm="x"'], [("negotiate", {}), ("basic", {"realm": "x"})]),
        (
            ["Bearer realm=https://auth.example/token?a=b,service=registry.example"],
            [("bearer", {"realm": "https://auth.example/token?a=b", "service": "registry.example"})],
        ),
        (['Negotiate YWJj==, Basic realm="x"'], [("negotiate", {}), ("basic", {"realm": "x"})]),
        (
            ['Basic realm="x", Bearer realm="y" , service = "z"'],
            [("basic", {"realm": "x"}), ("bearer", {"realm": "y", "service": "z"})],
        ),
        ([""], []),
        (["="], []),
        ([], []),
    ],
)
def test_challenges(values: list[str], expected: list[tuple[str, dict[str, str]]]) -> None:
    assert [(c.scheme, dict(c.parameters)) for c in parse_challenges(values)] == expected


@given(st.lists(st.text(max_size=300), max_size=3))
def test_no_header_breaks_the_parsers(values: list[str]) -> None:
    parse_challenges(values)
    for value in values:
        parse_scopes(value)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(min_size=1, max_size=40), max_size=4
    )
)
def test_quoted_parameters_survive(parameters: dict[str, str]) -> None:
    quoted = ", ".join(
        f'{k}="{v.translate({34: chr(92) + chr(34), 92: chr(92) * 2})}"' for k, v in parameters.items()
    )
    if "\n" not in quoted and "\r" not in quoted:
        assert [dict(c.parameters) for c in parse_challenges([f"Bearer {quoted}"])] == [parameters]


def test_scopes() -> None:
    both = union([pull("a/b")], [push("a/b"), pull("c")])
    assert sorted(map(str, both)) == ["repository:a/b:pull,push", "repository:c:pull"]
    assert covers(both, frozenset({pull("a/b"), pull("c")}))
    assert not covers(frozenset({pull("a/b")}), frozenset({push("a/b")}))
    assert parse_scopes("repository:host:5000/a:pull registry:catalog:* junk") == {
        TokenScope("repository", "host:5000/a", frozenset({"pull"})),
        TokenScope("registry", "catalog", frozenset({"*"})),
    }
