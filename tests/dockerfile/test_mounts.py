"""RUN --mount: lines of CSV, as Go's reader takes them."""

from __future__ import annotations

import pytest

from pipeline.dockerfile.bases import find_bases
from pipeline.dockerfile.instructions import scan
from pipeline.dockerfile.mounts import credentials, fields
from pipeline.model import Platform

AMD64 = Platform("linux", "amd64")


@pytest.mark.parametrize(
    ("mount", "found"),
    [
        ("type=bind,src=a,dst=/b", {"type": "bind", "source": "a", "target": "/b"}),
        ('type=bind,"source=a,b",ro', {"type": "bind", "source": "a,b", "readonly": ""}),
        ('"source=a""b"', {"source": 'a"b'}),
        ('"type=bind","from=q:1"', {"type": "bind", "from": "q:1"}),
        ('"type=bind",source=a\rb', {"type": "bind", "source": "a\rb"}),
        ("", {"": ""}),
    ],
)
def test_fields(mount, found):
    assert fields(mount) == found


def test_a_long_line_names_its_image():
    mount = 'type=bind,from=q:1,\\"a\\",target=/' + "x" * 200_000
    text = f"FROM a\nRUN --mount={mount} x\n"
    assert [use.name for use in find_bases(text, AMD64).bases] == ["a", "q:1"]
    assert [credentials(i) for i in scan(text).instructions if i.keyword == "RUN"] == [()]
