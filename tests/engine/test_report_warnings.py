"""Build checks in BuildKit's progress, and lines of it that are not understood."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.buildkit import read_report
from pipeline.engine.buildkit.report import current, read_result
from pipeline.model.build_warning import BuildWarning

from .test_report import BEGIN, COMMAND, FAILED, LOAD, RUN, SIBLING, STARTED, log, report, status, vertex


def lint(short: str, *lines: int, **more: Any) -> dict[str, Any]:
    """A warning of a build check."""
    ranges = [{"start": {"line": line}, "end": {"line": line}} for line in lines]
    return {
        "vertex": LOAD,
        "level": 1,
        "short": base64.b64encode(short.encode()).decode(),
        "detail": [base64.b64encode(b"why it matters").decode()],
        "sourceInfo": {"filename": "Dockerfile", "data": "RlJPTQ==", "language": "Dockerfile"},
        **({"range": ranges} if ranges else {}),
        **more,
    }


def test_warnings_once_each_with_their_line_and_without_saying_it_twice() -> None:
    check = "JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior (line 4)"
    url = "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/"
    lines = [
        status(warnings=[lint(check, 4, url=url)]),
        status(warnings=[lint(check, 4, url=url), lint("Note: two words before: a colon", 0, 7)]),
        status(warnings=[lint("the builder says: nothing of a place")]),
    ]
    assert read_report("\n".join(lines), failed=False).warnings == (
        BuildWarning(
            4, "JSON arguments recommended for CMD to prevent unintended behavior", "JSONArgsRecommended", url
        ),
        BuildWarning(7, "two words before: a colon", "Note"),
        BuildWarning(0, "the builder says: nothing of a place"),
    )
    assert BuildWarning(4, "m", "R", "u").to_json() == {"line": 4, "rule": "R", "message": "m", "url": "u"}


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "{}",
        "null",
        '{"vertexes": null, "logs": 3, "warnings": "x"}',
        '{"vertexes": [null, 1, {}], "logs": [[], {}], "warnings": [{}, {"range": [{}, {"start": null}]}]}',
        '{"warnings": [{"short": "=", "range": [{"start": {"line": "4"}}, {"start": {"line": -4}}]}]}',
        '{"vertexes": [{"digest": {}, "completed": true, "error": ["x"]}]}',
        '{"warnings": [{"short": "UGF0aA==", "url": "\\ud800"}]}',
        '{"a":' * 100_000,
        '{"a":' + "9" * 10_000 + "}",
        'time="2026-11-26T00:00:00Z" level=warning msg="no credentials"',
        "\ufffd\x00\x1b[2J",
    ],
)
def test_what_is_not_understood_hinders_nothing(line: str) -> None:
    found = report([line, *FAILED, line])
    assert (found.lines, found.output.splitlines()[-1]) == ((3, 3), "E: Unable to locate package nothing")
    assert found.message.startswith(COMMAND)
    for warning in read_report(line, failed=False).warnings:
        json.dumps(warning.to_json(), ensure_ascii=False).encode()  # as a record keeps it


def test_sizes_that_nobody_reads_are_cut_in_little_time() -> None:
    """A command of a megabyte, a log in one line, words without an end."""
    long = 'process "/bin/sh -c ' + 'process \\"' * 100_000 + '" did not complete successfully: exit code: 1'
    lines = [
        status(logs=[log(RUN, b"x" * 2_000_000)]),
        status(vertexes=[vertex(RUN, "RUN x", error=long)]),
        *["" for _ in range(100_000)],
        *['process "' * 1000 for _ in range(100)],
        "\x1b[" * 100_000,
        f"{'9' * 100_000} | >>> x",
        f"error: failed to solve: {long}",
        *["more"] * 100_000,
    ]
    began = time.process_time()
    found = report(lines)
    assert time.process_time() - began < 5
    assert len(found.message) < 10_000 and len(found.output) < 10_000
    assert found.message.startswith('process "/bin/sh -c process') and found.message.count("\n") < 20
    assert '…" did not complete successfully: exit code: 1' in found.message
    assert found.lines is None


NAME = "[2/2] RUN make"
BUILDING = [*BEGIN, status(vertexes=[{"digest": RUN, "name": NAME, "started": STARTED}])]


@pytest.mark.parametrize(
    ("more", "doing"),
    [
        ([], NAME),
        ([status(logs=[log(RUN, b"compiling\r\n\x1b[1mlinking\x1b[0m 3 of 9\n")])], "linking 3 of 9"),
        ([status(logs=[log(RUN, b"10%\r20%\r30%")])], "30%"),
        ([status(logs=[log(RUN, b"\n\n")])], NAME),
        ([status(logs=[log(RUN, b"x" * 5000)])], "x" * 160),
        ([status(vertexes=[{"digest": LOAD, "name": "[internal] load metadata", "started": STARTED}])], NAME),
        ([status(vertexes=[{"digest": SIBLING, "name": "not begun"}])], NAME),
        (['{"logs":[{"vertex"'], NAME),
    ],
)
def test_what_a_build_is_doing_now(more: list[str], doing: str) -> None:
    text = "\n".join([*BUILDING, *more])
    assert current(text) == doing
    assert current(text[5:]) == doing, "its first line may be cut"


def test_nothing_is_known_of_a_build_that_has_just_begun() -> None:
    assert current("") == current("\n".join(BEGIN[:2])) == current('"2026"}]}\n') == ""


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["vertexes", "logs", "warnings", "digest", "error", "data", "short", "range", "start", "line"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.lists(_json.map(json.dumps) | st.text(), max_size=6), st.booleans())
def test_any_words_are_a_report(lines: list[str], failed: bool) -> None:
    found = read_report("\n".join(lines), failed=failed)
    assert (found.failure is not None) is failed
    assert len(current("\n".join(lines))) <= 160


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (
            '0\n{\n  "containerimage.digest": "sha256:0"\n}\n{"vertexes": []}\n',
            ("sha256:0", '{"vertexes": []}\n'),
        ),
        ("69\n{}\n\n", (None, "")),
        ("1\n{}\n\nerror: failed to solve\n", (None, "error: failed to solve\n")),
    ],
)
def test_the_result_of_a_client_is_in_one_text(text: str, result: tuple[str | None, str]) -> None:
    code, metadata, progress = read_result(text)
    assert code == int(text.partition("\n")[0])
    assert (metadata.get("containerimage.digest"), progress) == result
