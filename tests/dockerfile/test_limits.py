"""Dockerfiles that grow or nest: each reader takes steps in proportion to the text, or refuses it by its limit."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from pipeline.dockerfile.bases import find_bases
from pipeline.dockerfile.expand import TooLong, expand
from pipeline.dockerfile.instructions import scan
from pipeline.dockerfile.limits import MAX_EXPANDED, MAX_NESTED
from pipeline.dockerfile.patterns import replaced, without_prefix, without_suffix
from pipeline.dockerfile.remote import is_git
from pipeline.dockerfile.stages import used_stages
from pipeline.model import Platform

AMD64 = Platform.parse("linux/amd64")


def nested(levels: int) -> str:
    return "${a:-" * levels + "x" + "}" * levels


def test_substitutions_nest_to_their_limit():
    assert expand(nested(MAX_NESTED), {}, declared=["a"]) == "x"
    with pytest.raises(TooLong, match=f"more than {MAX_NESTED} levels deep"):
        expand(nested(MAX_NESTED + 1), {}, declared=["a"])
    [(line, message)] = find_bases("ARG a\nFROM " + nested(9999), AMD64).problems
    assert (line, message) == (2, f"substitutions are more than {MAX_NESTED} levels deep")


def test_what_substitutions_make_is_limited():
    value = "x" * (MAX_EXPANDED // 4)
    assert expand("$a$a$a$a", {"a": value}) == value * 4
    with pytest.raises(TooLong, match=f"more than {MAX_EXPANDED} characters"):
        expand("$a$a$a$a$b", {"a": value, "b": "x"})


def test_an_argument_that_doubles_is_a_problem_at_its_line():
    found = find_bases("ARG a=x\n" + "ARG a=$a$a\n" * 60 + "FROM b\n", AMD64)
    assert [use.name for use in found.bases] == ["b"]
    assert f"substitutions make more than {MAX_EXPANDED} characters" in found.problems[0][1]
    assert 20 < found.problems[0][0] < 25


def test_stars_do_not_multiply():
    many = "*a" * 30 + "b"
    assert without_prefix("a" * 3000, many) == without_suffix("a" * 3000, "b" + many[:-1]) == "a" * 3000
    assert replaced("a" * 300, many, "", every=True) == "a" * 300
    assert without_prefix("xaxbxbx", "*a*b") == "xbx"
    assert without_prefix("xaxbxbx", "#*a*b") == "x"
    assert without_suffix("1.2.3", "%.*") == "1"


def test_onbuild_in_onbuild_is_read_once():
    [_, instruction] = scan("FROM a\n" + "ONBUILD " * 5000 + "RUN x\n").instructions
    assert instruction.later is not None
    assert instruction.later.keyword == "ONBUILD"
    assert instruction.later.later is None


def calls(work: Callable[[], object]) -> int:
    """The lines of Python that run: the same on every machine."""
    count = 0

    def trace(frame: object, event: str, argument: object) -> object:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


GROWING = {
    "continued words": lambda n: "FROM a\nCOPY x " + "\\\n y " * n + "z\n",
    "continued flags": lambda n: "FROM a\nCOPY " + "--a=b \\\n" * n + "x y\n",
    "mounts": lambda n: "FROM a\nRUN " + "--mount=from=a " * n + "x\n",
    "heredocs": lambda n: "FROM a\n" + "RUN <<E\nE\n" * n,
    "onbuild": lambda n: "FROM a\nONBUILD " + "ONBUILD " * n + "RUN x\n",
    "stages": lambda n: "".join(f"FROM a AS s{i}\nCOPY --from=s{i} a b\n" for i in range(n)),
    "stages with triggers": lambda n: (
        "FROM a AS b\n"
        + "ONBUILD COPY --from=c x y\n" * n
        + "".join(f"FROM b AS s{i}\nCOPY --from=s{i - 1} a b\n" for i in range(n))
    ),
    "arguments": lambda n: "".join(f"ARG a{i}=1\n" for i in range(n)) + "FROM b\n",
    "comments": lambda n: "FROM a\nRUN x \\\n" + "# c\n" * n + "y\n",
}


@pytest.mark.parametrize("name", GROWING)
def test_twice_the_text_takes_twice_the_steps(name):
    small, large = (calls(lambda size=size: find_bases(GROWING[name](size), AMD64)) for size in (200, 400))
    assert large < 2.5 * small
    small, large = (
        calls(lambda size=size: used_stages.__wrapped__(GROWING[name](size))) for size in (200, 400)
    )
    assert large < 2.5 * small


@pytest.mark.parametrize("address", ["http://[", "https://[::1.git#x", "https://[x]y.git"])
def test_an_address_that_no_url_is_names_no_repository(address):
    assert not is_git(address)
