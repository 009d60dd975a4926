"""Release notes: commits under headings, and a script that a shell reads as meant."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Digest, Platform, Repository
from pipeline.report.notes.commits import Commit, grouped
from pipeline.report.notes.install import install_script
from pipeline.report.notes.markdown import notes_markdown
from pipeline.report.notes.values import ReleasedImage, ReleaseNotes, Signer

KEY = Signer("the project's key", "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n")
IDENTITY = Signer(
    "https://ci.example/a'b",
    options=(
        ("--certificate-identity", "https://ci.example/a'b"),
        ("--certificate-oidc-issuer", "https://x"),
    ),
)


def notes(signer: Signer = KEY, *commits: Commit, before: str = "") -> ReleaseNotes:
    digest = Digest.of(b"index")
    image = ReleasedImage(
        "app:1.2.3",
        (Repository("ghcr.io", "acme/app"), Repository("docker.io", "acme/app")),
        ("v2.3.0", "v2.3"),
        digest,
        {Platform("linux", "amd64"): Digest.of(b"amd64")},
    )
    return ReleaseNotes("acme", "v2.3.0", "a" * 40, (image,), signer, before, commits)


@pytest.mark.parametrize(
    ("subject", "body", "expected"),
    [
        ("feat: starts", "", ("Features", "starts")),
        ("feat(app): starts", "", ("Features", "app: starts")),
        ("Fix: ends", "", ("Fixes", "ends")),
        ("fix!: ends", "", ("Breaking changes", "ends")),
        ("fix: ends", "so\n\nBREAKING CHANGE: it began", ("Breaking changes", "ends")),
        ("docs(app): words", "", ("Upkeep", "app: words")),
        ("plain words", "", ("Changes", "plain words")),
        ("plain words", "BREAKING-CHANGE: all", ("Breaking changes", "plain words")),
        ("app: words of its own kind", "", ("Changes", "app: words of its own kind")),
        ("app!: words of its own kind", "", ("Breaking changes", "app!: words of its own kind")),
        ("feat:", "", ("Changes", "feat:")),
        ("", "", ("Changes", "")),
    ],
)
def test_a_commit_has_one_heading(subject: str, body: str, expected: tuple[str, str]) -> None:
    commit = Commit("b" * 40, subject, body)
    assert list(grouped([commit])) == [(expected[0], [(commit, expected[1])])]


@given(st.lists(st.builds(Commit, st.just("c" * 40), st.text(), st.text())))
def test_no_commit_is_lost(commits: list[Commit]) -> None:
    found = [commit for _, group in grouped(commits) for commit, _ in group]
    assert sorted(found, key=repr) == sorted(commits, key=repr)


def test_the_page_names_every_reference_and_who_signed() -> None:
    text = notes_markdown(notes(KEY, Commit("b" * 40, "feat: <script> & @all"), before="v2.2.0"))
    for part in (
        f"docker pull ghcr.io/acme/app:v2.3.0@{Digest.of(b'index')}",
        f"docker pull docker.io/acme/app:v2.3.0@{Digest.of(b'index')}",
        "| | | linux/amd64 |",
        "### Features\n\n- &#60;script&#62; &#38; &#64;all (`bbbbbbbbbbbb`)",
        "cosign verify --key cosign.pub --insecure-ignore-tlog=true -a tag=v2.3.0 ghcr.io/acme/app@sha256:",
    ):
        assert part in text, part
    assert "This is the first release." in notes_markdown(notes())


@pytest.mark.parametrize("signer", [KEY, IDENTITY])
def test_the_script_is_of_words_that_a_shell_reads_back(signer: Signer) -> None:
    script = install_script(notes(signer))
    call = next(line for line in script.splitlines() if line.startswith("install app"))
    assert shlex.split(call)[1:] == [
        "app:1.2.3",
        f"ghcr.io/acme/app@{Digest.of(b'index')}",
        "ghcr.io/acme/app:v2.3.0",
        "v2.3.0",
    ]
    verify = shlex.split(
        next(line for line in script.splitlines() if "cosign verify" in line and "$2" in line)
    )
    expected = ["--key", "$key"] if signer.key else [word for pair in signer.options for word in pair]
    assert verify[2 : 2 + len(expected)] == expected
