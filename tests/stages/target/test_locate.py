"""From the line that BuildKit names to the line that a person wrote."""

from __future__ import annotations

import pytest

from pipeline.catalogue import Source
from pipeline.config import Lock
from pipeline.errors import BuildError
from pipeline.model import Digest, Reference
from pipeline.plan import Plan, make_plan
from pipeline.run.target.template_location import located, template_position

FILES = {
    "lockage.yml": "version: 1\nproject: p\nbases: [debian:12]\n",
    "images/_shared/tools.tmpl": "RUN one\nRUN two\n",
    "images/app/image.yml": "tags: [1.0.0]\nvariables: {packages: [a, b]}\n",
    "images/app/Dockerfile.tmpl": (
        "{# what it is #}\n"
        "FROM debian:12\n"
        "{% for p in variables.packages -%}\n"
        "RUN get {{ p }}\n"
        "{% endfor -%}\n"
        "{% include '_shared/tools.tmpl' %}\n"
        "RUN <<EOF\n"
        "three\n"
        "EOF\n"
    ),
}
ID = "app/1.0.0/linux-amd64"
APP = "images/app/Dockerfile.tmpl"


def plan(**files: str) -> Plan:
    return make_plan(
        Source.of({**FILES, **files}), lock=Lock.of({Reference.parse("debian:12"): Digest.of(b"1")})
    )


def places(found: Plan) -> dict[str, str]:
    """Where each line of the Dockerfile is from."""
    target = found.by_id[ID]
    lines = target.dockerfile.splitlines()
    return {line: template_position(found, target, number) for number, line in enumerate(lines, 1) if line}


def test_a_line_of_a_loop_an_include_and_a_heredoc() -> None:
    assert places(plan()) == {
        "FROM debian:12": f"{APP}:2",
        "RUN get a": f"{APP}:4",
        "RUN get b": f"{APP}:4",
        "RUN one": "images/_shared/tools.tmpl:1",
        "RUN two": "images/_shared/tools.tmpl:2",
        "RUN <<EOF": f"{APP}:7",
        "three": f"{APP}:8",
        "EOF": f"{APP}:9",
    }


def test_lines_behind_the_copy_of_rootfs_are_counted_without_it() -> None:
    found = places(plan(**{"images/app/rootfs/etc/app": "1\n"}))
    assert found["COPY --chown=0:0 rootfs/ /"] == f"{APP}:2"
    assert (found["RUN get a"], found["RUN <<EOF"]) == (f"{APP}:4", f"{APP}:7")


@pytest.mark.parametrize("line", [0, -1, 1000, 10**9])
def test_a_line_that_is_not_there_is_only_named(line: int) -> None:
    found = plan()
    assert template_position(found, found.by_id[ID], line) == f"the generated Dockerfile, line {line}"


def test_the_error_begins_with_the_first_line_of_the_instruction() -> None:
    found = plan()
    target = found.by_id[ID]
    first = target.dockerfile.splitlines().index("RUN <<EOF") + 1
    fault = BuildError("building app: exit code: 3", hint="h", detail="d", lines=(first, first + 2))
    shown = located(found, target, fault)
    assert shown.message == f"{APP}:7: building app: exit code: 3"
    assert (shown.hint, shown.detail, shown.lines) == ("h", "d", (first, first + 2))


def test_an_error_without_a_line_stays_as_it_is() -> None:
    found = plan()
    fault = BuildError("building app: denied", hint="h")
    assert located(found, found.by_id[ID], fault) is fault
