"""Dockerfiles and words to judge by: a table of cases, and parts that Hypothesis puts together."""

from hypothesis import strategies as st

from .test_dockerfile import BASES, SCANS

PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7")

_HEREDOCS = [
    "RUN <<EOF\nFROM no\nEOF",
    "RUN << EOF\nFROM no\nEOF",
    "RUN <<-'E F'\n\tx\nE F",
    'RUN cat <<A > /x <<"B"\nCOPY q\nA\nRUN z\nB',
    "RUN cat 3<<EOF\nx\nEOF",
    "RUN <<EOF | sh\nz\nEOF",
    "RUN <<EOF|sh\nz\nEOF|sh",
    "RUN x \\\n<<EOF\nz\nEOF",
    "RUN x # <<EOF\nz\nEOF",
    'RUN x <<"$X"\na\n$X',
    "RUN x <<E\\OF\na\nEOF",
    "RUN a <<E b <<E\n1\nE\n2\nE",
    "RUN x <<E # it's\na\nE",
    "RUN x <<E ${A^^}\nUSER 1\nE",
    "RUN x <<E ${A:-b} $(c) ${#A}\nUSER 1\nE",
    "COPY <<EOF /x\nhello\nEOF",
    "COPY --chown=1:1 <<a <<b /x/\n1\na\n2\nb",
    "ONBUILD RUN <<EOF\nx\nEOF",
]
_NO_HEREDOCS = [
    "RUN echo '<<EOF'",
    'RUN echo "x <<EOF"',
    "RUN x <<<EOF",
    "RUN echo $((1<<2))",
    "RUN ls <<\n",
    'RUN ["a", "<<E"]',
    'COPY ["<<E", "/a"]',
    'CMD ["a", "<<EOF"]',
    "ENV X=<<E",
    'RUN "<<E" x',
]
_FROMS = [
    "FROM a:1",
    "FROM --platform=linux/amd64 b AS x",
    "from  c",
    "\tFROM d as Y",
    "FROM x",
    "FROM Y",
    "FROM y AS z",
    "FROM scratch",
    "FROM \\\n z:1 \\\n AS w",
    " \\\n FROM q",
    "FROM a:$V",
    "FROM a:${V:+x}${W-y}",
    "FROM a:${W:-${V}}",
    "FROM  --platform=$TARGETPLATFORM   e",
    "FROM --platform=linux/$TARGETARCH e:$TARGETOS-$TARGETVARIANT",
    "FROM --platform=$BUILDPLATFORM e AS f",
    "FROM a$V:${W:-1}${V+v}",
    "FROM a:$TARGETSTAGE",
    'FROM "a:1"',
    "FROM e AS f g",
    "FROM",
]
_SOURCES = [
    "COPY --from=a /x /y",
    "COPY --from=y /x /y",
    "COPY --from=Y /x /y",
    "COPY --from=0 /x /y",
    "COPY --from=1 a b",
    "COPY --chown=1:1 --from=b:2 . /z",
    "COPY --from=scratch . /z",
    'COPY --from="q" a b',
    "COPY a b --from=l",
    "COPY --link --from=l a b",
    "COPY --fr\\\nom=n a b",
    "COPY --fr\\om=n a b",
    "RUN --mount=type=bind,from=q:1,target=/t true",
    "RUN --mount=type=bind,FROM=q:1,target=/t true",
    'RUN --mount=type=bind,"from=q:1",target=/t true',
    'RUN --mount="type=bind, from=q:1" true',
    'RUN --mount=type=cache,target="/var/cache/x" true',
    "RUN --mo\\unt=from=q:1,target=/t true",
    "RUN --mount=from=0,target=/x true",
    "RUN --mount=from=scratch,target=/x true",
    "RUN --network=none --mount=type=cache,target=/c x",
    "RUN --mount=from=z,type=bind \\\n  --mount=type=bind,from=y:2 cmd",
    "RUN --mount=\\\ntype=bind,from=m true",
    "ONBUILD COPY --from=k a b",
]
_LINES = [
    "RUN echo a \\\n  b",
    "RUN echo a \\ \n # comment\n\n  b",
    "RUN a \\\\",
    "RUN a\\\n#c\nb",
    "RUN a\\\n  # c \\\nb",
    "RUN x\\  \n  y",
    "RUN 'a\\\n b'",
    "RUN a\r",
    "\\\nRUN x",
    "\x0cRUN x",
    "RUN `\n <<E\nx\nE",
    "ENV A=b \\\n C=d",
    'LABEL a="b \\\n c"',
    "COPY a \\\n b \\\n /c",
    "# comment",
    "#syntax=x",
    "#",
    "",
    "   ",
    "USER 0",
    "EXPOSE 80",
    "HEALTHCHECK CMD x",
    'SHELL ["a"]',
    "STOPSIGNAL 9",
    "ADD --chown=1:1 a /b",
    "COPY rootfs/ /",
]
_ARGUMENTS = [
    "ARG BUILDPLATFORM=linux/arm64",
    "ARG TARGETOS=x",
    "ARG BUILDPLATFORM",
    "ARG V",
    "ARG V=9",
    'ARG V="9"',
    "ARG V='a b' W=2",
    "ARG V W",
    "ARG W=${V:-5}",
    "ARG W=$U",
    "ARG W=`$V",
]
SYNTAXES = [
    "#syntax = docker/dockerfile:1 // with words\n",
    "# check=error=true\r\n# SYNTAX=a/b:1\r\n",
    "#!/usr/bin/env x\n# syntax=a/b\n",
    "//syntax=a/b\n",
    "#!x\n// check=a\n//syntax= a/b:1 \n",
    "# comment\n# syntax=a/b\n",
    " # syntax=a/b\n",
    "\n# syntax=a/b\n",
    "# syntax=a/b\n# syntax=c/d\n",
    "# check=a\n# check=b\n# syntax=a/b\n",
    "# other=a\n# syntax=a/b\n",
    "#\tsyntax=\ta/b\n",
    "# syntax=\n",
    "\ufeff# syntax=a/b\n",
    '{"syntax": "a/b:1"}',
    '{"syntax": 1}\n',
    '{"syntax": "a/b"\n',
]
_HEADS = [
    "",
    "# escape=`\n",
    "# c\n# escape=`\n",
    "\n# escape=`\n",
    "# syntax=docker/dockerfile:1\n",
    "#!x\n",
    "# check=skip=all\n#escape = `  \n",
    *SYNTAXES,
    "\ufeff",
    "\ufeff# escape=`\n",
]

PARTS = [*_HEREDOCS, *_NO_HEREDOCS, *_FROMS, *_SOURCES, *_LINES, *_ARGUMENTS]

_whole = [f"{head}FROM base:0\n{part}\n" for head in _HEADS[:2] for part in PARTS]
_whole += [f"ARG V=1 W=\n{part}" for part in _FROMS] + [f"{a}\nFROM a:$V$W\n" for a in _ARGUMENTS]
_whole += [text for text, _ in (*SCANS, *BASES)]
_whole += [
    "FROM a\nCOPY --from=later /x /x\nFROM b AS later\n",
    "FROM a AS one\nFROM b AS two\nCOPY --from=0 / /\nCOPY --from=ONE / /\nFROM two\n",
    "FROM a AS one\nFROM One\n",
]
_whole += [text for head in SYNTAXES for text in (head, f"{head}FROM a\n")]
DOCKERFILES = list(dict.fromkeys(_whole))

dockerfiles = st.builds(
    lambda head, arguments, first, parts, end: head + "\n".join([*arguments, *first, *parts]) + end,
    st.sampled_from(_HEADS),
    st.lists(st.sampled_from(_ARGUMENTS), max_size=2),
    st.sampled_from([[], ["FROM base:0"], ["FROM base:0 AS y"]]),
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=6),
    st.sampled_from(["", "\n"]),
)

VALUES = {"A": "one", "B": "", "C": "x.y"}
WORDS = [
    "a:1",
    "$A",
    "${A}b",
    "a$A$C",
    "${B:-d}",
    "${B-d}",
    "${A:-d}",
    "${A:+e}",
    "${A+e}",
    "${B:+e}",
    "${B+e}",
    "${A:-${C}}",
    "${B:-${C:+$A}}",
    "\\$A",
    "'$A'",
    '"$A"',
    '"\\$A"',
    '"a\\b"',
    "a\\b",
    "${A:-'q'}",
    "$",
    "a$.b",
    "`a`",
]
words = st.lists(
    st.sampled_from(
        [
            *WORDS,
            "${N:-f}",
            "${N:+i}",
            "$N",
            "'",
            '"',
            "${",
            "}",
            "\\",
            "`",
            "${A%o}",
            "${C#x}",
            "$1",
            " ",
            "/",
        ]
    ),
    min_size=1,
    max_size=4,
).map("".join)
