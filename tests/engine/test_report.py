"""What buildctl wrote, read: samples in the form of BuildKit 0.32.2 (client/graph.go, solver/errdefs/source.go)."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.buildkit import Failure, read_report
from pipeline.engine.buildkit.report import current, read_result
from pipeline.model.build_warning import BuildWarning

RUN, SIBLING, FROM, LOAD = ("sha256:" + letter * 64 for letter in "abcd")
STARTED, ENDED = "2026-11-26T00:53:51.123456789Z", "2026-11-26T00:53:52.5Z"


def status(**parts: list[dict[str, Any]]) -> str:
    """A line as Go's encoder writes it."""
    return json.dumps(parts, separators=(",", ":"), ensure_ascii=False)


def vertex(digest: str, name: str, **more: Any) -> dict[str, Any]:
    """A step that has ended."""
    return {"digest": digest, "name": name, "started": STARTED, "completed": ENDED, **more}


def log(digest: str, data: bytes, stream: int = 2) -> dict[str, Any]:
    """A piece of a step's output."""
    text = base64.b64encode(data).decode()
    return {"vertex": digest, "stream": stream, "data": text, "timestamp": STARTED}


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


BEGIN = [
    status(vertexes=[{"digest": LOAD, "name": "[internal] load build definition from Dockerfile"}]),
    status(
        vertexes=[vertex(LOAD, "[internal] load build definition from Dockerfile")],
        statuses=[{"id": "transferring dockerfile:", "vertex": LOAD, "current": 98, "timestamp": STARTED}],
    ),
    status(vertexes=[vertex(FROM, "[1/2] FROM docker.io/library/debian@sha256:0", cached=True)]),
]
COMMAND = 'process "/bin/sh -c apt-get install nothing" did not complete successfully: exit code: 100'
FAILED = [
    *BEGIN,
    status(vertexes=[{"digest": RUN, "inputs": [FROM], "name": "[2/2] RUN apt-get install nothing"}]),
    status(logs=[log(RUN, b"Reading package lists...\r\n", 1), log(SIBLING, b"of another step\n")]),
    status(logs=[log(RUN, b"\x1b[1;31mE: \x1b[0mUnable to locate package nothing\n")]),
    status(vertexes=[vertex(SIBLING, "[other 2/2] RUN sleep 60", error="context canceled")]),
    status(vertexes=[vertex(RUN, "[2/2] RUN apt-get install nothing", error=COMMAND)]),
    "Dockerfile:3",
    "--------------------",
    "   1 |     FROM debian:bookworm-slim",
    "   2 |     # what is needed",
    "   3 | >>> RUN apt-get install nothing",
    "   4 |     ",
    "--------------------",
    f"error: failed to solve: {COMMAND}",
    "",
]


def report(lines: list[str]) -> Failure:
    """The failure in the lines of a build that failed."""
    found = read_report("\n".join(lines), failed=True).failure
    assert found
    return found


def test_a_build_that_ended_well() -> None:
    lines = [*BEGIN, status(vertexes=[vertex(RUN, "[2/2] RUN true")])]
    lines.append(status(vertexes=[vertex(SIBLING, "exporting to image")]))
    found = read_report("\n".join(lines), failed=False)
    assert (found.ran, found.cached, found.warnings, found.failure) == (2, 1, (), None)


def test_a_step_that_failed() -> None:
    assert report(FAILED) == Failure(
        message=COMMAND,
        lines=(3, 3),
        step="[2/2] RUN apt-get install nothing",
        output="Reading package lists...\nE: Unable to locate package nothing",
    )


def test_of_a_heredoc_and_of_continued_lines_the_first_and_last_line_count() -> None:
    heredoc = [
        *BEGIN,
        "Dockerfile:9",
        "--------------------",
        "   8 |     ",
        "   9 | >>> RUN <<EOF",
        "  10 | >>> echo '11 | >>> not a line'",
        "  11 | >>> exit 3",
        "  12 | >>> EOF",
        "  13 |     CMD x",
        "--------------------",
        "error: failed to solve: process \"/bin/sh -c echo '11 | >>> not a line'\\nexit 3\\n\" did not complete "
        "successfully: exit code: 3",
    ]
    found = report(heredoc)
    assert found.lines == (9, 12)
    assert found.message.endswith("exit code: 3") and found.message.startswith('process "/bin/sh -c echo')


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        ("dockerfile parse error on line 2: unknown instruction: RUNN (did you mean RUN?)", (2, 2)),
        ("failed to read dockerfile: open Dockerfile: no such file or directory", None),
        ("process \"sed -n 'on line 12'\" did not complete successfully: exit code: 1", (12, 12)),
        ("debian@sha256:0: not found", None),
    ],
)
def test_without_marks_the_message_may_name_a_line(message: str, lines: tuple[int, int] | None) -> None:
    found = report([*BEGIN, f"error: failed to solve: {message}"])
    assert (found.message, found.lines, found.step, found.output) == (message, lines, "", "")


def test_a_message_of_several_lines_is_whole_whatever_its_lines_begin_with() -> None:
    words = [
        "failed to fetch remote https://git.example/x: git stderr:",
        "error: RPC failed",
        "fatal: early end",
    ]
    assert report([*BEGIN, f"error: failed to solve: {words[0]}", *words[1:]]).message == "\n".join(words)


def test_what_failed_to_solve_twice_is_said_once() -> None:
    assert report(["error: failed to solve: failed to solve: x"]).message == "x"


def test_without_an_error_the_last_words_are_all_there_is() -> None:
    """buildctl was killed, or died."""
    words = [f"line {n}" for n in range(50)]
    assert report([*BEGIN, *words]).message == "\n".join(words[-20:])
    assert report([]) == Failure(message="")


def test_of_several_steps_that_failed_the_one_that_the_error_is_about() -> None:
    other = 'process "/bin/sh -c exit 7" did not complete successfully: exit code: 7'
    first = status(
        vertexes=[vertex(SIBLING, "[other] RUN exit 7", error=other)], logs=[log(SIBLING, b"other\n")]
    )
    found = report([*BEGIN, first, *FAILED[len(BEGIN) :]])
    assert found.step == "[2/2] RUN apt-get install nothing" and "Unable to locate" in found.output
    named = report([*BEGIN, first, "error: failed to solve: something else"])
    assert named.step == "[other] RUN exit 7" and named.output == "other"


def test_cancelled_siblings_are_no_reason() -> None:
    cancelled = (
        'process "/bin/sh -c sleep 60" did not complete successfully: context canceled: context canceled'
    )
    lines = [status(vertexes=[vertex(SIBLING, "[other] RUN sleep 60", error=cancelled)]), *FAILED]
    assert report(lines).step == "[2/2] RUN apt-get install nothing"
    assert report([lines[0], "error: failed to solve: Canceled: context canceled"]).step == ""


def test_output_is_the_steps_own_last_lines_whatever_bytes_it_wrote() -> None:
    pieces = [status(logs=[log(RUN, b"line %d\n" % n)]) for n in range(100)]
    pieces.append(status(logs=[log(RUN, b"\xff\xfe caf"), log(RUN, "é\n".encode("latin-1"))]))
    pieces.append(status(logs=[{"vertex": RUN, "data": "not base64!"}, {"vertex": RUN, "data": 3}]))
    output = report([*pieces, status(vertexes=[vertex(RUN, "RUN x", error="no")]), "error: no"]).output
    lines = output.splitlines()
    assert len(lines) == 20 and lines[0] == "line 81"
    assert lines[-1] == "\ufffd\ufffd caf\ufffd"


def test_a_character_of_several_bytes_may_come_in_two_pieces() -> None:
    whole = "naïve".encode()
    pieces = [status(logs=[log(RUN, whole[:3])]), status(logs=[log(RUN, whole[3:])])]
    assert (
        report([*pieces, status(vertexes=[vertex(RUN, "RUN x", error="no")]), "error: no"]).output == "naïve"
    )


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029", "\x1c", "\x0b"])
def test_names_with_unusual_line_ends_do_not_break_a_line_in_two(character: str) -> None:
    """Go's encoder escapes most of them, not all."""
    name = f"[2/2] RUN echo {character}"
    line = json.dumps({"vertexes": [vertex(RUN, "x")]}, ensure_ascii=False)
    line = line.replace('"x"', json.dumps(name, ensure_ascii=character < " "))
    found = read_report(line, failed=False)
    assert found.ran == 1


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
