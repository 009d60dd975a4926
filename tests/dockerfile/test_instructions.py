"""Dockerfiles: taken apart as BuildKit does, and edited without another byte changing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dockerfile.arguments import declared_arguments
from pipeline.dockerfile.bases import final_base, find_bases, inject_rootfs, rewrite_bases
from pipeline.dockerfile.instructions import scan
from pipeline.dockerfile.labels import labels_of
from pipeline.model import Platform

AMD64 = Platform("linux", "amd64")
ARM = Platform("linux", "arm", "v7")


def bases(text, platform=AMD64):
    return [(b.instruction, b.name, b.line) for b in find_bases(text, platform).bases]


def keywords(text):
    return [(i.keyword, i.line) for i in scan(text).instructions]


SCANS = [
    ("FROM a\nRUN x\n", [("FROM", 1), ("RUN", 2)]),
    ("\n# c\n  from a\n\trun x", [("FROM", 3), ("RUN", 4)]),
    ("RUN a \\\n  # comment\n\n  b\nCMD c\n", [("RUN", 1), ("CMD", 5)]),
    ("RUN a \\  \n b\nCMD c\n", [("RUN", 1), ("CMD", 3)]),
    ("RUN a \\\\\nCMD c\n", [("RUN", 1), ("CMD", 2)]),
    ("RUN a\\\r\n b\r\nCMD c\r\n", [("RUN", 1), ("CMD", 3)]),
    ("RUN <<EOF\nFROM x\nEOF\nCMD c\n", [("RUN", 1), ("CMD", 4)]),
    ("RUN <<-EOF\n\tFROM x\n\t\tEOF\nCMD c\n", [("RUN", 1), ("CMD", 4)]),
    ("RUN <<'A' <<\"B\" cat\nFROM x\nA\nFROM y\nB\nCMD c\n", [("RUN", 1), ("CMD", 6)]),
    ("RUN cat 3<<EOF\nEOF \nFROM\nEOF\nCMD c\n", [("RUN", 1), ("CMD", 5)]),
    ("COPY <<EOF /x\nFROM y\nEOF\nCMD c\n", [("COPY", 1), ("CMD", 4)]),
    ("ONBUILD RUN <<EOF\nFROM y\nEOF\nCMD c\n", [("ONBUILD", 1), ("CMD", 4)]),
    ("RUN echo '<<EOF'\nCMD c\n", [("RUN", 1), ("CMD", 2)]),
    ('RUN echo "a <<EOF b"\nCMD c\n', [("RUN", 1), ("CMD", 2)]),
    ("RUN echo $((1<<2))\nCMD c\n", [("RUN", 1), ("CMD", 2)]),
    ("RUN cat <<<x\nCMD c\n", [("RUN", 1), ("CMD", 2)]),
    ("ENV A <<EOF\nCMD c\n", [("ENV", 1), ("CMD", 2)]),
    ("RUN <<EOF\nnever closed\n", [("RUN", 1)]),
    ("# escape=`\nRUN a `\n b\nRUN c\\\nCMD d\n", [("RUN", 2), ("RUN", 4), ("CMD", 5)]),
    ("# c\n# escape=`\nRUN a `\nCMD d\n", [("RUN", 3), ("CMD", 4)]),
    ("RUN a\x0b\x85\u2028b\nCMD c\n", [("RUN", 1), ("CMD", 2)]),
]


@pytest.mark.parametrize(("text", "expected"), SCANS)
def test_instructions(text, expected):
    assert keywords(text) == expected


def test_directives():
    assert scan("# syntax=docker/dockerfile:1\n# check=skip=all\nFROM a\n").directives == {
        "syntax": "docker/dockerfile:1",
        "check": "skip=all",
    }
    assert scan("#comment\n# syntax=x\nFROM a\n").directives == {}


BASES = [
    ("FROM a:1\n", [("FROM", "a:1", 1)]),
    ("FROM a:1 AS x\nFROM x\nFROM b AS X2\nFROM x2\n", [("FROM", "a:1", 1), ("FROM", "b", 3)]),
    ("FROM scratch\nCOPY --from=a:1 /x /x\n", [("COPY", "a:1", 2)]),
    ("FROM a AS s\nFROM b\nCOPY --from=s / /\nCOPY --from=0 / /\n", [("FROM", "a", 1), ("FROM", "b", 2)]),
    ("FROM a\nCOPY --chown=1:1 --from=b:2 / /\n", [("FROM", "a", 1), ("COPY", "b:2", 2)]),
    ("FROM a\nRUN --mount=type=bind,from=b:2,target=/x x\n", [("FROM", "a", 1), ("RUN", "b:2", 2)]),
    ("FROM a\nRUN --mount=from=b --mount=type=cache,target=/y x\n", [("FROM", "a", 1), ("RUN", "b", 2)]),
    ('FROM a\nCOPY --from="b:2" / /\n', [("FROM", "a", 1), ("COPY", "b:2", 2)]),
    ("FROM a\nCOPY '--from=b' / /\n", [("FROM", "a", 1)]),
    ("FROM a\nCOPY -- --from=b /\n", [("FROM", "a", 1)]),
    ('FROM a\nRUN --mount="type=bind, from=b,target=/b" x\n', [("FROM", "a", 1)]),
    ("FROM a\nRUN --mount='type=bind,from=b:2',target=/b x\n", [("FROM", "a", 1), ("RUN", "b:2", 2)]),
    ('FROM a\nRUN --mount=type=bind,"from=b",target=/b x\n', [("FROM", "a", 1), ("RUN", "b", 2)]),
    ("FROM a\nRUN --mount=from=c,from=b,target=/b x\n", [("FROM", "a", 1), ("RUN", "b", 2)]),
    ("FROM a\nRUN x --mount=from=b\n", [("FROM", "a", 1)]),
    ("ARG V=1\nFROM a:$V\n", [("FROM", "a:1", 2)]),
    ("ARG V=1\nARG B=a:${V}\nFROM ${B} AS x\n", [("FROM", "a:1", 3)]),
    ('ARG V="1"\nFROM "a:${V}"\n', [("FROM", "a:1", 2)]),
    ("ARG V=1\nFROM 'a':\"$V\"\\x\n", [("FROM", "a:1x", 2)]),
    ("ARG V=1\nFROM a:${V:-$UNKNOWN}\n", [("FROM", "a:1", 2)]),
    ("ARG V=${OTHER}\nFROM a\n", [("FROM", "a", 2)]),
    ("ARG V=\nFROM a:${V:-2}\n", [("FROM", "a:2", 2)]),
    ("ARG V=\nFROM a${V-x}${V:+y}:1\n", [("FROM", "a:1", 2)]),
    ("ARG V\nFROM a${V}b${V-c}${V:+d}\n", [("FROM", "abc", 2)]),
    ("ARG V=1\nARG V\nFROM a:$V\n", [("FROM", "a:1", 3)]),
    ("ARG V=1.2.3\nFROM a:${V%.*}-${V%%.*}-${V#*.}-${V##*.}\n", [("FROM", "a:1.2-1-2.3-3", 2)]),
    ("ARG V=1.2.3\nFROM a:${V/./-}_${V//./-}_${V//[0-9]/x}\n", [("FROM", "a:1-2.3_1-2-3_1.2.3", 2)]),
    ("ARG V=1\nFROM a:${V:?no}${V?}\n", [("FROM", "a:11", 2)]),
    ("ARG V W=2\nFROM a:$W$V\n", [("FROM", "a:2", 2)]),
    ("ARG TARGETARCH=x\nFROM a:$TARGETARCH\n", [("FROM", "a:x", 2)]),
    ("FROM a:$TARGETSTAGE AS B\n", [("FROM", "a:b", 1)]),
    ("FROM a:$TARGETSTAGE$TARGETOSVERSION\n", [("FROM", "a:default", 1)]),
    ("FROM a:$TARGETARCH\n", [("FROM", "a:amd64", 1)]),
    ("FROM --platform=$TARGETPLATFORM a\n", [("FROM", "a", 1)]),
    ("FROM \\\n  # why\n  a:1 \\\n  AS x\n", [("FROM", "a:1", 1)]),
    ("FROM ghcr.io/a/b:1@sha256:" + "0" * 64 + "\n", [("FROM", "ghcr.io/a/b:1@sha256:" + "0" * 64, 1)]),
    ("FROM a\nONBUILD COPY --from=b / /\n", [("FROM", "a", 1)]),
    ("# FROM b\nFROM a\nRUN <<X\nFROM c\nX\n", [("FROM", "a", 2)]),
]


@pytest.mark.parametrize(("text", "expected"), BASES)
def test_bases(text, expected):
    assert bases(text) == expected


def test_platforms_of_bases():
    assert bases("FROM a:$TARGETARCH$TARGETVARIANT\n", ARM) == [("FROM", "a:armv7", 1)]
    [own] = find_bases("FROM --platform=linux/arm/v7 a\n", ARM).bases
    [other] = find_bases("FROM --platform=linux/arm64 a\n", ARM).bases
    [build] = find_bases("FROM --platform=$BUILDPLATFORM a\n", ARM).bases
    assert (own.platform, other.platform, build.on_build_platform) == (None, Platform("linux", "arm64"), True)
    [foreign] = find_bases("FROM --platform=${P:-linux/386} a\n", ARM).bases
    assert foreign.platform == Platform("linux", "386")
    [known] = find_bases("ARG BUILDPLATFORM=linux/arm64\nFROM --platform=$BUILDPLATFORM a\n", ARM).bases
    assert (known.platform, known.on_build_platform) == (Platform("linux", "arm64"), False)
    text = "ARG P=$BUILDPLATFORM\nARG Q=${P:-x}\nFROM --platform=$Q a\n"
    assert [use.on_build_platform for use in find_bases(text, ARM).bases] == [True]
    [given] = find_bases(text, ARM, {"P": "linux/arm64"}).bases
    assert (given.platform, given.on_build_platform) == (Platform("linux", "arm64"), False)


BY_ENGINE = "FROM a:1 AS s-amd64\nFROM {} AS s-arm64\nLABEL a=b\nFROM {} AS last\nRUN x\n"


@pytest.mark.parametrize(
    "word", ["s-$BUILDARCH", "s-${BUILDARCH}$BUILDVARIANT", "s-${BUILDPLATFORM#*/}", "$STAGE"]
)
def test_stages_by_the_platform_of_the_engine(word):
    first = "ARG STAGE=s-$BUILDARCH\n"
    uses = find_bases(first + BY_ENGINE.format("b:1", word), ARM)
    assert not uses.problems
    assert [use.name for use in uses.bases] == ["a:1", "b:1"]
    assert uses.froms[2] == {AMD64: 0, Platform("linux", "arm64"): 1}
    assert uses.missing == {Platform.parse(p): 5 for p in ("linux/arm/v7", "ppc64le", "s390x")}
    assert (uses.chain, uses.root, uses.from_nothing) == ((2,), None, False)
    assert labels_of(first + BY_ENGINE.format("b:1", word), ARM, {}) == {}


@pytest.mark.parametrize(
    ("second", "root"),
    [("a:1", "a:1"), ("s-amd64", "a:1"), ("scratch", None), ("--platform=linux/386 a:1", None)],
)
def test_base_by_the_platform_of_the_engine(second, root):
    found = final_base(BY_ENGINE.format(second, "s-$BUILDARCH"), AMD64)
    assert (found and found.name) == root
    text = BY_ENGINE.format(second, "s-$BUILDARCH").replace("FROM a:1 AS s-amd64", "FROM scratch AS s-amd64")
    assert find_bases(text, AMD64).from_nothing == (second in ("scratch", "s-amd64"))


def test_no_stage_by_the_platform_of_the_engine():
    [(line, message)] = find_bases("FROM a AS t-amd64\nFROM s-$BUILDARCH\n", AMD64).problems
    assert (line, message) == (2, "$BUILDARCH is not known before the build")
    [(line, _)] = find_bases(
        "FROM s-$BUILDARCH\nFROM a AS s-amd64\n", AMD64
    ).problems  # only earlier stages count
    assert line == 1
    [problem] = find_bases("FROM a AS b\nFROM s-$MISSING\n", AMD64).problems
    assert problem[0] == 2


ARGUMENTS = {"V": "2", "W": "$V"}
WITH_ARGUMENTS = [
    ("ARG V=1\nFROM a:$V\n", "a:2"),
    ("ARG V\nFROM a:$V\n", "a:2"),
    ("ARG V=1\nARG B=a:$V\nFROM $B\n", "a:2"),
    ("ARG V=$OTHER\nFROM a:$V\n", "a:2"),
    ("ARG W\nFROM a:x$W\n", "a:x$V"),
    ("FROM a:${V:-1}\n", "a:1"),
]


@pytest.mark.parametrize(("text", "name"), WITH_ARGUMENTS)
def test_arguments_of_a_build(text, name):
    [found] = find_bases(text, AMD64, ARGUMENTS).bases
    assert found.name == name
    assert rewrite_bases(text, AMD64, {name: "X"}, ARGUMENTS) == text[: found.start] + "X" + text[found.end :]
    if found.instruction == "FROM":
        assert final_base(text, AMD64, ARGUMENTS) == found
    assert declared_arguments(text) >= {"V"} or "W" in text or "FROM a:${V" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("RUN x\n", "there is no FROM"),
        ("", "there is no FROM"),
        ("FROM\n", "FROM names no image"),
        ("ARG V\nFROM a:$V\n", "FROM a:$V is a:: give its ARG a default, or a value in args:"),
        ("ARG V\nFROM $V\n", "FROM $V is empty: give its ARG a default"),
        ("FROM a\nARG V=1\nFROM b:$V\n", "$V has no ARG before the first FROM"),
        ("FROM a:${BUILDARCH:-x}\n", "$BUILDARCH is not known before the build"),
        ("ARG BUILDARCH\nFROM a:$BUILDARCH\n", "$BUILDARCH is not known before the build"),
        ("FROM a:$BUILDARCH\n", "$BUILDARCH is not known before the build"),
        ("FROM a:${V%.*}\n", "$V has no ARG before the first FROM"),
        ("ARG V\nFROM a:${V:?needed}\n", "$V: needed"),
        ("ARG V=1\nFROM a:${V:%x}\n", "substitution"),
        ("ARG V=1\nFROM a:${V%\\x}\n", "an escape that means nothing"),
        ("ARG V=\nFROM $V\n", "FROM $V is empty"),
        ("ARG V=1\nFROM 'a:$V\n", "a quote is not closed"),
        ("ARG V=1\nFROM a:${V\n", "substitution"),
        ("ARG V=1\nFROM a:${V:-\n", "} is missing"),
        ("ARG V=$OTHER\nFROM a:$V\n", "$V is not known before the build"),
        ("FROM --platform=sparc a\n", "unknown platform"),
        ("ARG V=1\nFROM a:$V\nFROM --platform=$V b\n", "unknown platform"),
        ("FROM a\nCOPY --from=7 / /\n", "--from=7: there is no stage of this number"),
        ("ARG V=1\nFROM scratch\nCOPY --from=a:$V / /\n", "a:$V: a variable is not replaced here"),
        ("FROM a\nRUN --mount=from=$V,target=/x x\n", "a variable is not replaced here"),
    ],
)
def test_what_cannot_be_known(text, message):
    [(line, found)] = find_bases(text, AMD64).problems
    assert message in found
    assert line >= 1


def test_rewriting_changes_nothing_else():
    text = (
        "# syntax=docker/dockerfile:1\r\nARG V=1\nFROM --platform=linux/amd64   a:$V   AS  a\n"
        "COPY --from=b:2 --chown=0:0 b:2 /b:2\nRUN --mount=type=bind,from=b:2,target=/b:2 echo b:2 a:1\nFROM a\n"
    )
    assert rewrite_bases(text, AMD64, {"a:1": "A", "b:2": "B"}) == (
        "# syntax=docker/dockerfile:1\r\nARG V=1\nFROM --platform=linux/amd64   A   AS  a\n"
        "COPY --from=B --chown=0:0 b:2 /b:2\nRUN --mount=type=bind,from=B,target=/b:2 echo b:2 a:1\nFROM a\n"
    )


def test_a_name_in_quotes_is_replaced_inside_them():
    text = 'FROM a\nCOPY --from="a" a /a\nRUN --mount="from=a",target=/a --mount=\'type=bind,from=a\' a\n'
    assert rewrite_bases(text, AMD64, {"a": "x"}) == (
        'FROM x\nCOPY --from="x" a /a\nRUN --mount="from=x",target=/a --mount=\'type=bind,from=x\' a\n'
    )


def test_a_name_across_a_continuation_is_replaced_whole():
    assert rewrite_bases("FROM deb\\\nian:12 AS x\n", AMD64, {"debian:12": "D"}) == "FROM D AS x\n"


NAMES = st.sampled_from(["a:1", "b:2", "ghcr.io/x/y:3"])
LINES = st.one_of(
    st.tuples(st.sampled_from(["FROM ", "from  ", "FROM --platform=linux/amd64 ", "FROM \\\n "]), NAMES).map(
        "".join
    ),
    st.tuples(st.just("COPY --from="), NAMES, st.just(" /x /y")).map("".join),
    st.tuples(st.just("RUN --mount=type=bind,from="), NAMES, st.just(",target=/m true")).map("".join),
    st.sampled_from(
        ["RUN echo a:1 \\\n  b:2", "# FROM a:1", "", "RUN <<E\nFROM a:1\nE", "ENV X=b:2", "USER 0"]
    ),
)


@given(st.lists(LINES, max_size=8), st.booleans())
def test_rewriting_there_and_back_is_the_identity(lines, newline):
    text = "FROM first:0\n" + "\n".join(lines) + ("\n" if newline else "")
    there = {"a:1": "x.example/a@sha256:" + "1" * 64, "b:2": "q:9"}
    back = {new: old for old, new in there.items()}
    moved = rewrite_bases(text, AMD64, there)
    assert [b.name for b in find_bases(moved, AMD64).bases] == [
        there.get(b.name, b.name) for b in find_bases(text, AMD64).bases
    ]
    assert rewrite_bases(moved, AMD64, back) == text


@given(st.text(alphabet="FROMCPYa:1 \\\n\t#<E'\"$-={}`\r", max_size=60))
def test_any_text_is_understood_or_reported(text):
    found = find_bases(text, AMD64)
    assert found.bases or found.problems or found.stages
    injected = inject_rootfs(text, "0:0")
    assert len(scan(injected).instructions) - len(scan(text).instructions) in (0, 1)


def test_injection_at_the_end_of_a_text_without_a_newline():
    assert inject_rootfs("FROM a", "0:0") == "FROM a\nCOPY --chown=0:0 rootfs/ /\n"
    assert inject_rootfs("FROM a \\\n AS b\nRUN x\n", "1:1") == (
        "FROM a \\\n AS b\nCOPY --chown=1:1 rootfs/ /\nRUN x\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM debian:12\n", "debian:12"),
        ("FROM golang:1 AS made\nFROM debian:12\nCOPY --from=made /a /a\n", "debian:12"),
        ("FROM debian:12 AS Made\nFROM made AS again\nFROM again\n", "debian:12"),
        ("FROM debian:12 AS made\nFROM scratch\nCOPY --from=made /a /a\n", None),
        ("FROM debian:12 AS one\nFROM alpine:3 AS one\nFROM one\n", "alpine:3"),
    ],
)
def test_what_the_last_stage_stands_on(text: str, expected: str | None) -> None:
    found = final_base(text, AMD64)
    assert (found.name if found else None) == expected
