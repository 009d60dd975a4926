"""Labels that a Dockerfile sets itself: they win over ours, and over image.yml's with a warning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dockerfile.labels import labels_of, name_values
from pipeline.model import Platform
from tests.catalogue.sample import LOCK, folder, image, plan

AMD64 = Platform("linux", "amd64")
TABLE = [
    ("FROM a\nLABEL a=b c=\"d e\"\nLABEL a=2\n", {"c": ("d e", 2), "a": ("2", 3)}),
    ("FROM a\nLABEL key some value\n", {"key": ("some value", 2)}),
    ("FROM a\nLABEL 'x y'=z\n", {"x y": ("z", 2)}),
    ("FROM a\nLABEL a=$UNKNOWN b='$UNKNOWN'\n", {"a": (None, 2), "b": ("$UNKNOWN", 2)}),
    ("FROM scratch\nLABEL a=x$UNKNOWN b=$PATH\n", {"a": ("x", 2), "b": (None, 2)}),
    ("FROM a\nENV V=1\nARG W=${V}2\nLABEL a=$V$W $V=k $N=x\n", {"a": ("112", 4), "1": ("k", 4)}),
    ("ARG V=1\nFROM a\nLABEL a=$V\nARG V\nLABEL b=$V\n", {"a": (None, 3), "b": ("1", 5)}),
    ("FROM a\nARG TARGETARCH BUILDARCH\nLABEL a=$TARGETARCH b=$BUILDARCH\n", {"a": ("amd64", 3), "b": (None, 3)}),
    ("FROM a\nARG GIVEN=1\nLABEL a=$GIVEN\n", {"a": ("7", 3)}),
    ("FROM a\nARG SOURCE_DATE_EPOCH=0\nLABEL a=$SOURCE_DATE_EPOCH\n", {"a": (None, 3)}),
    ("FROM a\nLABEL a=${V:-w} b=${V+w}\n", {"a": (None, 2), "b": (None, 2)}),
    ("FROM a AS x\nLABEL a=1\nFROM b\nLABEL b=1\nFROM x\nLABEL c=1\n", {"a": ("1", 2), "c": ("1", 6)}),
    ("ARG S=x\nFROM a AS x\nLABEL a=1\nFROM $S\n", {"a": ("1", 3)}),
    ("FROM a AS x\nONBUILD LABEL o=1 p=$E\nENV E=2\nFROM x AS y\nLABEL o=2\nFROM y\n", {"p": ("2", 2), "o": ("2", 5)}),
    ("FROM a\nONBUILD LABEL o=1\n", {}),
    ("FROM a\nRUN <<EOF\nLABEL a=b\nEOF\n", {}),
    ("FROM a\nLABEL a=b \\\n  c=d\n", {"a": ("b", 2), "c": ("d", 2)}),
    ("LABEL a=b\n", {}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_labels(text, expected):
    found = labels_of(text, AMD64, {"GIVEN": "7"})
    assert {key: (label.value, label.line) for key, label in found.items()} == expected


@given(st.text(alphabet="ab=\"'\\ $\t`", max_size=20))
def test_any_text_is_taken(text):
    assert all(isinstance(value, str) for pair in name_values(text, "\\") for value in pair)


def test_a_target_knows_them():
    template = "FROM debian:12\nLABEL org.opencontainers.image.title=Mine v=$V team=a\nARG V=1\nLABEL w=$V\n"
    files = folder(
        "app", image(more="labels: {team: b, w: '1', other: c}\nargs: {V: '1'}\n", template=template)
    )
    [target] = plan(files, lock=LOCK).targets
    assert dict(target.dockerfile_labels) == {
        "org.opencontainers.image.title": "Mine",
        "v": None,
        "team": "a",
        "w": "1",
    }
    assert target.labels["team"] == "b"
    assert target.warnings == (
        "images/app/Dockerfile.tmpl:2:1: LABEL: team is 'a' here, which wins over 'b' in image.yml",
    )


def test_labels_below_an_image_of_the_catalogue_are_its_own():
    files = folder("base", image(template="FROM debian:12\nLABEL a=b\n")) | folder(
        "app", image(template="FROM base:1.0.0\n")
    )
    assert dict(plan(files).by_id["app/1.0.0/linux-amd64"].dockerfile_labels) == {}
