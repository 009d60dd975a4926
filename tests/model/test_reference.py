"""References by the grammar of distribution/reference, short names of Docker Hub included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Digest, Mirrors, Reference, Repository

D = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("debian", "docker.io/library/debian"),
        ("debian:bookworm-slim", "docker.io/library/debian:bookworm-slim"),
        ("anchore/syft:v1", "docker.io/anchore/syft:v1"),
        ("index.docker.io/debian", "docker.io/library/debian"),
        ("localhost/a", "localhost/a"),
        ("localhost:5000/dev/a:1", "localhost:5000/dev/a:1"),
        ("ghcr.io/acme/a.b_c--d:1.0", "ghcr.io/acme/a.b_c--d:1.0"),
        ("Upper/name", "Upper/name"),
        ("[::1]:5000/a", "[::1]:5000/a"),
        (f"debian@{D}", f"docker.io/library/debian@{D}"),
        (f"ghcr.io/a/b:1@{D}", f"ghcr.io/a/b:1@{D}"),
    ],
)
def test_read_and_written(text: str, full: str) -> None:
    assert str(Reference.parse(text)) == full
    assert Reference.parse(full) == Reference.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " debian",
        "debian:",
        "Debian",
        "a//b",
        "ghcr.io/",
        "-a/b",
        "a:b:c",
        "a@sha256:12",
        "a@md5:" + "0" * 32,
        "a/" + "b" * 256,
        "debian:-x",
        "debian:" + "x" * 129,
        "ghcr.io/a_/b",
        "x" * 2000,
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Reference.parse(text)


component = st.from_regex(r"\A[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*\Z").filter(lambda t: len(t) < 40)
host = st.sampled_from(["docker.io", "ghcr.io", "localhost:5000", "registry.example.org"])
tag = st.none() | st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}\Z")


@given(host, st.lists(component, min_size=2, max_size=4), tag, st.none() | st.just(Digest(D)))
def test_what_is_written_reads_back(
    host: str, path: list[str], tag: str | None, digest: Digest | None
) -> None:
    reference = Reference(Repository(host, "/".join(path)), tag, digest)
    assert Reference.parse(str(reference)) == reference


@given(host, st.lists(component, min_size=2, max_size=4), tag)
def test_familiar_names_mean_the_same(host: str, path: list[str], tag: str | None) -> None:
    reference = Reference(Repository(host, "/".join(path)), tag)
    if host == "docker.io" and ("." in path[0] or path[0] == "localhost"):
        return  # a path whose first part looks like a host has no familiar form in Docker either
    assert Reference.parse(reference.familiar) == reference


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("debian", "docker.io/library/debian:latest"),
        (f"debian:12@{D}", "docker.io/library/debian:12"),
        ("ghcr.io/a/b:1", "ghcr.io/a/b:1"),
        (f"ghcr.io/a/b@{D}", f"ghcr.io/a/b@{D}"),
    ],
)
def test_the_name_that_a_registry_resolves(text: str, named: str) -> None:
    assert str(Reference.parse(text).named) == named


def test_a_mirror_changes_the_address_and_nothing_else() -> None:
    mirrors = Mirrors.parse({"docker.io": "localhost:5000/mirror/docker.io"})
    reference = mirrors.locate(Reference.parse(f"debian:12@{D}"))
    assert str(reference) == f"localhost:5000/mirror/docker.io/library/debian:12@{D}"
    assert mirrors.locate(Reference.parse("ghcr.io/a/b:1")) == Reference.parse("ghcr.io/a/b:1")


@pytest.mark.parametrize("text", [f"a@{D}\n", "debian:1\n", "ghcr.io/a\n", "ghcr.io\n/a"])
def test_a_line_end_is_not_overlooked(text: str) -> None:
    with pytest.raises(ValueError):
        Reference.parse(text)
    with pytest.raises(ValueError):
        Digest(D + "\n")
