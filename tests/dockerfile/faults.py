"""Instructions that BuildKit's parser may refuse, each in a Dockerfile; BuildKit is asked which it does."""

_BEHIND_FROM = """\
FRM x
FROM
FROM a b
FROM a AS
FROM a AS b c
FROM a as 1b
FROM a AS Build-1.x_
FROM a AS b/c
FROM --platform=linux/amd64 a
FROM --platform a
FROM --plattform=x a
RUN
RUN x
RUN ["a", 1]
RUN ["a", "b"]
RUN [ -f x ]
RUN [1
RUN [[1], NaN]
RUN [null]
RUN --mount=type=cache,target=/x --mount=type=tmpfs,target=/y --network=none --security=insecure x
RUN --mount x
RUN --mount= x
RUN --mont=x y
RUN --network=wlan x
RUN --network=none --network=none x
RUN --security= x
RUN --device=x y
RUN -- x
RUN --x-- y
CMD
CMD []
CMD x
CMD [1]
CMD --x y
ENTRYPOINT
ENTRYPOINT ["x", true]
ENTRYPOINT --x=1 ["x"]
SHELL
SHELL x
SHELL []
SHELL ["x"]
SHELL ["x", 1]
ENV
ENV A
ENV A b
ENV A=b C
ENV A=b =c
ENV =c
ENV "A B"
ENV "A=B"
ENV A="b c" D='e f' G=h\\ i
ENV A=\\
ENV A= b
ENV A="b
ENV --x A=b
ENV "=a
LABEL
LABEL a
LABEL a b
LABEL a=b c
LABEL ""=c
LABEL =c
LABEL a=b "c d"=e
ARG
ARG A
ARG =b
ARG A =b
ARG A=b C "D=e f"
ARG ""=
ARG --x
ARG --x A
WORKDIR
WORKDIR /a b
WORKDIR --x /a
USER
USER a b
USER --x a
EXPOSE
EXPOSE 80 81/udp
EXPOSE --x 80
VOLUME
VOLUME /a /b
VOLUME []
VOLUME [""]
VOLUME ["/a", 1]
VOLUME ["/a"]
VOLUME [a]
STOPSIGNAL
STOPSIGNAL 9
STOPSIGNAL --x 9
MAINTAINER
MAINTAINER me and you
MAINTAINER --x me
COPY
COPY a
COPY a b
COPY ["a"]
COPY ["a", "b"]
COPY ["a", 1]
COPY [a b
COPY []
COPY --from=x
COPY --from=x a
COPY --from=x a b
COPY --from a b
COPY --from=x --from=y a b
COPY --link a b
COPY --link= a b
COPY --link=TRUE --parents=False a b
COPY --link=1 a b
COPY --exclude=a --exclude=b . /
COPY --exclude . /
COPY --chmod=755 --chown=1:1 a b
COPY --checksum=x a b
COPY --keep-git-dir a b
COPY a <<b
ADD
ADD a
ADD a b
ADD --from=x a b
ADD --keep-git-dir=true --checksum=sha256:x --unpack a b
ADD --unpack=maybe a b
ADD --parents a b
ADD --link --exclude=x a b
ADD a <<EOF
ONBUILD
ONBUILD ONBUILD RUN x
ONBUILD FROM x
ONBUILD maintainer x
ONBUILD RUN x
ONBUILD FOO x
ONBUILD COPY a
ONBUILD --x RUN y
ONBUILD RUN --x y
HEALTHCHECK
HEALTHCHECK x
HEALTHCHECK NONE
HEALTHCHECK NONE x
HEALTHCHECK --interval=1 NONE
HEALTHCHECK none
HEALTHCHECK CMD
HEALTHCHECK CMD x
HEALTHCHECK CMD []
HEALTHCHECK CMD ["x"]
HEALTHCHECK CMD [1]
HEALTHCHECK --interval=1m30s --timeout=0 --start-period=1.5h --start-interval= --retries=3 CMD x
HEALTHCHECK --interval=30 CMD x
HEALTHCHECK --interval=x CMD x
HEALTHCHECK --interval=-1s CMD x
HEALTHCHECK --interval=1us CMD x
HEALTHCHECK --interval=-0 CMD x
HEALTHCHECK --interval=.5s CMD x
HEALTHCHECK --retries=-1 CMD x
HEALTHCHECK --retries=+1 CMD x
HEALTHCHECK --retries=99999999999 CMD x
HEALTHCHECK --retries=x CMD x
HEALTHCHECK --retries CMD x
RUNX y
run x
Form y
{"a": 1}
""".splitlines()

_WHOLE = [
    "RUN x\nFROM a\n",
    "ENV a=b\nFROM a\n",
    "ARG A\nFROM a\n",
    "FRM a\nRUN b\n",
    "FROM a\nRUN <<EOF\nx\n",
    "FROM a\nRUN <<EOF\nEOF",
    "FROM a\nRUN <<A <<B\nA\nB \n",
    "FROM a\nCOPY <<-A /x\n\tA\n",
    "FROM a\nONBUILD RUN <<A\n",
    "FROM a\nRUN <<EOF\nEOF\r\nRUN y\n",
    "# escape=x\nFROM a\n",
    "# escape=`\n# escape=`\nFROM a\n",
    "# syntax=docker/dockerfile:1\n# syntax=docker/dockerfile:1\nFROM a\n",
    "# syntax=docker/dockerfile:1\nFRM a\n",
    "# check=x\n# check=y\nFROM a\n",
    "# other=x\n# other=y\nFROM a\n",
    "FROM a\nENV A=`\n  b\n",
    "# escape=`\nFROM a\nENV A=b`\n  C=d\n",
    "# escape=`\nFROM a\nENV A=b`\n  C\n",
    "# escape=`\nFROM a\nCOPY a `\n b\n",
    "",
    "# nothing\n",
]

FAULTS = [f"FROM base\n{line}\n" for line in _BEHIND_FROM] + _WHOLE
