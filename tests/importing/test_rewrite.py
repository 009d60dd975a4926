"""Dockerfiles as templates: nothing of their text is lost."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.catalogue import Source
from pipeline.catalogue.templating.templates import Renderer
from pipeline.importing.rewrite import as_template, clean, rewrite

from .imported import AMD64, planned, texts

# Sources

ODD = r"""# syntax=docker/dockerfile:1
# escape=\
FROM debian:12 AS one

COPY a.txt ./b /x/
  copy --chown=1:2 --link "a.txt" \
    # a comment inside
    b/c \

    /y/
ADD ["a.txt", "with space", "/z/"]
COPY <<EOF a.txt /h/
{{ not.a.template }} {% raw %} COPY a.txt /no/
EOF
RUN <<EOT
COPY a.txt /neither/
EOT
RUN --mount=type=bind,source=b,target=/m --mount=target=/all --mount=type=cache,target=/c ls
RUN --mount=type=bind,from=one,source=/etc,target=/m ls
COPY --from=one /a.txt /
ADD https://example.org/a.txt /
ADD ${WHERE}/x /
COPY /b /../b/c ../a.txt /w/
COPY --parents b/c d/./e /p/
COPY *.txt $X /q/
ENV A={#
ONBUILD COPY a.txt /later/"""


IMPORTED = r"""# syntax=docker/dockerfile:1
# escape=\
FROM debian:12 AS one

COPY rootfs/a.txt rootfs/./b /x/
  copy --chown=1:2 --link "rootfs/a.txt" \
    # a comment inside
    rootfs/b/c \

    /y/
ADD ["rootfs/a.txt", "rootfs/with space", "/z/"]
COPY <<EOF rootfs/a.txt /h/
{{ not.a.template }} {% raw %} COPY a.txt /no/
EOF
RUN <<EOT
COPY a.txt /neither/
EOT
RUN --mount=type=bind,source=rootfs/b,target=/m --mount=target=/all,source=rootfs/ --mount=type=cache,target=/c ls
RUN --mount=type=bind,from=one,source=/etc,target=/m ls
COPY --from=one /a.txt /
ADD https://example.org/a.txt /
ADD ${WHERE}/x /
COPY rootfs//b rootfs/b/c rootfs/a.txt /w/
COPY --parents rootfs/./b/c rootfs/d/./e /p/
COPY rootfs/*.txt rootfs/$X /q/
ENV A={#
ONBUILD COPY a.txt /later/"""


def test_buildkit_s_oddities():
    files = {"o/Dockerfile": ODD, "o/a.txt": "1", "o/b/c": "2", "o/with space": "3", "o/d/e": "4"}
    found, plan = planned(files)
    assert texts(plan)["o:latest"] == IMPORTED
    by_hand = {i.name: i.by_hand for i in found.images}["o:latest"]
    assert [re.sub(r":.*", "", n.removeprefix("o/Dockerfile:")) for n in by_hand] == [
        "22",
        "27",
        "images/o/Dockerfile.tmpl",  # an ADD that can change
    ]
    copied = {e.path for e in plan.targets[0].rootfs if e.kind == "file"}
    assert copied == {"Dockerfile", "a.txt", "b/c", "with space", "d/e"}


# Laws


def rendered(template):
    source = Source.of({"images/x/Dockerfile.tmpl": template})
    return Renderer(source).render("images/x/Dockerfile.tmpl", {}, "x:1")


_PARTS = st.sampled_from(
    ["{", "{{", "{%", "{#", "}", "}}", "%}", "#}", "\n", "\r", "\r\n", "-", "+", " ", "raw", "endraw", "%", "#",
     "{% raw %}", "{% endraw %}", "{%- endraw -%}", "'", '"', "\\", "a", "é", "\x0b", "\x85", "\u2028", "$"]
)  # fmt: skip


@given(st.lists(_PARTS, max_size=12).map("".join) | st.text(max_size=20).filter(lambda t: "\ufeff" not in t))
@example("{{ a }}{% endraw %}{#")
@example("{\r\n{{\r")
@example("{{% raw %}{{% endraw %}")
def test_a_template_renders_back_to_the_very_same_text(text):
    assert rendered(as_template(text)) == text


@given(st.text("ab/.*", max_size=12))
def test_a_cleaned_source_is_clean(source):
    once = clean(source)
    assert clean(once) == once
    assert once == "." or not {"", ".", ".."}.intersection(once.split("/"))


@given(
    st.lists(
        st.sampled_from(
            [
                "COPY a /x",
                "COPY --from=one a /x",
                "ADD a b /x/",
                "RUN echo COPY a /x",
                "RUN <<E\nCOPY a /\nE",
                'COPY ["a", "/x"]',
                "# COPY a /x",
                "ENV A=b \\\n COPY a",
                "WORKDIR /a",
            ]
        ),
        max_size=8,
    )
)
def test_taking_the_prefix_away_gives_the_text_back(lines):
    text = "FROM debian AS one\n" + "\n".join(lines)
    new, taken = rewrite(text, AMD64, lambda use: None)
    assert new.replace("rootfs/", "") == text
    assert new.count("rootfs/") == len(taken.sources)
