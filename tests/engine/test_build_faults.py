"""Why a build failed -> which error: of the Dockerfile, of a registry, or of what the run needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from pipeline.engine.buildkit.client import _fault, _unfinished, _without_caches
from pipeline.engine.buildkit.order import BuildOrder
from pipeline.engine.buildkit.report import Failure
from pipeline.engine.faults import DISK_FULL
from pipeline.errors import BuildError, EnvironmentProblem, LockageError, RegistryError
from pipeline.model import Platform, Repository

ORDER = BuildOrder(
    target="app/1.0/linux-amd64",
    dockerfile="FROM scratch\n",
    context=cast(Any, None),
    platform=Platform("linux", "amd64"),
    destination=Repository("localhost:5000", "lockage/builds"),
    epoch=1_800_000_000,
    hint="see the template",
)
BEHIND = "did not complete successfully: exit code: 1"


@pytest.mark.parametrize(
    ("message", "lines", "kind"),
    [
        (f'process "/bin/sh -c false" {BEHIND}', (3, 3), BuildError),
        ("debian@sha256:0: not found", (1, 1), BuildError),
        (f'process "/dev/pipes/EOF" {BEHIND}', (3, 6), BuildError),  # RUN <<EOF with #! in its first line
        (f'process "/bin/sh -c echo connection refused; exit 1" {BEHIND}', (3, 3), BuildError),
        (f'process "/bin/sh -c echo failed to push" {BEHIND}', None, BuildError),
        ("dockerfile parse error on line 2: unterminated heredoc EOF", (2, 2), BuildError),
        (
            "failed to push localhost:5000/lockage/builds: unexpected status: 403 Forbidden",
            None,
            RegistryError,
        ),
        ("failed to copy: httpReadSeeker: unexpected status code 500", None, RegistryError),
        ("pull access denied, repository does not exist or may require authorization", None, RegistryError),
        ("rpc error: code = Unavailable desc = error reading from server: EOF", None, EnvironmentProblem),
        (
            "failed to do request: dial tcp 127.0.0.1:5000: connect: connection refused",
            None,
            EnvironmentProblem,
        ),
        ("failed to write: no space left on device", None, EnvironmentProblem),
    ],
)
def test_the_kind_of_error(message: str, lines: tuple[int, int] | None, kind: type[LockageError]) -> None:
    fault = _fault(ORDER, Failure(message, lines, "RUN x", "its output"))
    assert type(fault) is kind
    assert fault.message.startswith("building app/1.0/linux-amd64: ") and fault.hint
    if isinstance(fault, BuildError):
        assert (fault.lines, fault.detail, fault.hint) == (lines, "its output", "see the template")


GONE = "failed to compute cache key: NotFound: content sha256:0: not found"
CONFIGURE = "failed to configure gha cache exporter: invalid token"
READS, WRITES = ("type=local,src=/a",), ("type=local,dest=/a",)


@pytest.mark.parametrize(
    ("message", "reads", "writes", "again"),
    [
        (GONE, READS, WRITES, ((), WRITES)),
        (GONE, READS, (), ((), ())),
        (CONFIGURE, READS, WRITES, ((), ())),
        ("failed to do request: connect: connection refused", READS, WRITES, ((), WRITES)),
        (GONE, (), (), None),
        (f'process "/bin/sh -c false" {BEHIND}', READS, WRITES, None),
        ("dockerfile parse error on line 2", READS, WRITES, None),
        ("failed to push localhost:5000/x: failed to copy: S3: GetObject: 404", READS, WRITES, ((), WRITES)),
        ("failed to write: no space left on device", READS, WRITES, None),
    ],
)
def test_a_build_that_its_caches_may_have_failed_is_done_without_them(
    message: str, reads: tuple[str, ...], writes: tuple[str, ...], again: object
) -> None:
    order = replace(ORDER, cache_from=reads, cache_to=writes)
    alone = _without_caches(order, _fault(order, Failure(message)))
    assert (alone and (alone.cache_from, alone.cache_to)) == again


def test_a_step_that_fills_the_disk_is_not_the_dockerfiles_fault() -> None:
    output = "tar: /x: Cannot write: No space left on device"
    fault = _fault(ORDER, Failure(f'process "tar" {BEHIND}', (2, 2), "RUN tar", output))
    assert isinstance(fault, EnvironmentProblem) and fault.detail == output


def test_a_client_that_left_no_reason_could_not_write_it() -> None:
    fault = _fault(ORDER, Failure(""))
    assert isinstance(fault, EnvironmentProblem) and fault.hint == DISK_FULL


FAILED = f'error: failed to solve: process "false" {BEHIND}'


@pytest.mark.parametrize(
    ("code", "stderr", "message", "kind"),
    [
        (137, FAILED, "building app/1.0/linux-amd64: buildctl was ended by signal 9", EnvironmentProblem),
        (-1, FAILED, f'building app/1.0/linux-amd64: process "false" {BEHIND}', BuildError),
        (
            1,
            "",
            "building app/1.0/linux-amd64: what BuildKit reported could not be written",
            EnvironmentProblem,
        ),
        (
            -1,
            "",
            "building app/1.0/linux-amd64: what BuildKit reported could not be written",
            EnvironmentProblem,
        ),
    ],
)
def test_a_client_without_an_exit_code(
    code: int, stderr: str, message: str, kind: type[LockageError]
) -> None:
    """By a signal; or the engine could not clear up behind it, and what it had written says why it failed; or the disk
    is so full that its shell could not write anything."""
    import dagger

    class Fault(dagger.ExecError):
        def __init__(self) -> None:
            self.exit_code, self.stdout = code, ""
            self.stderr = stderr

        def __new__(cls) -> Any:
            return Exception.__new__(cls)

        def __str__(self) -> str:
            return "cleanup failed: exit code: 4"

    fault = _unfinished(ORDER, Fault())
    assert type(fault) is kind and fault.message == message


@pytest.mark.parametrize(
    ("message", "lines", "hint"),
    [
        (
            'failed to load cache key: Get "http://e.org/x": dial tcp: connect: connection refused',
            (2, 2),
            "check the address",
        ),
        (
            "failed to load cache key: git stderr:\nfatal: unable to access 'https://e.org/y.git/'",
            (3, 3),
            "see",
        ),
        ('failed to load cache key: Get "http://e.org/z": EOF', None, "check the address"),
        ("failed to load LLB: network.host is not allowed", None, "grants network.host to an image"),
        ("secret tok: not found", None, "name tok in secrets: of image.yml"),
    ],
)
def test_what_a_message_is_about(message: str, lines: tuple[int, int] | None, hint: str) -> None:
    """BuildKit names no line for addresses, and no remedy for what it was not given."""
    adds = 'FROM a\nADD "http://e.org/x?a#b" /\nADD https://e.org/y.git#main /\nADD $X /\n'
    order = replace(ORDER, dockerfile=adds, contexts={"z": "http://e.org/z"})
    fault = _fault(order, Failure(message))
    assert isinstance(fault, BuildError)
    assert fault.lines == lines
    assert fault.hint and hint in fault.hint


def test_the_line_of_the_template_alone_is_in_the_message() -> None:
    fault = _fault(ORDER, Failure("dockerfile parse error on line 2: unknown instruction: RUNN", (2, 2)))
    assert fault.message == "building app/1.0/linux-amd64: unknown instruction: RUNN"
