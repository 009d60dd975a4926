"""What buildctl wrote, read: samples in the form of BuildKit 0.32.2 (client/graph.go, solver/errdefs/source.go)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from pipeline.engine.buildkit import Failure, read_report

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
