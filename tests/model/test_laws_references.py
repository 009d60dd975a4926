"""References as distribution/reference reads them: its documented cases by hand, the rest by asking it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model import Reference
from tests.tools.judges import REFERENCES, ask

pytestmark = pytest.mark.real  # starts a process

S256, S512 = "sha256:" + "f" * 64, "sha512:" + "e" * 128

# text: host, path, tag, digest
TABLE = {
    "debian": ("docker.io", "library/debian", None, None),
    "debian:12": ("docker.io", "library/debian", "12", None),
    "library/debian": ("docker.io", "library/debian", None, None),
    "docker.io/debian": ("docker.io", "library/debian", None, None),
    "index.docker.io/debian": ("docker.io", "library/debian", None, None),
    "index.docker.io/library/debian": ("docker.io", "library/debian", None, None),
    "docker/docker": ("docker.io", "docker/docker", None, None),
    "docker---rules/docker": ("docker.io", "docker---rules/docker", None, None),
    "test.com": ("docker.io", "library/test.com", None, None),
    "test.com:5000": ("docker.io", "library/test.com", "5000", None),
    "test.com/repo:tag": ("test.com", "repo", "tag", None),
    "test:5000/repo:tag": ("test:5000", "repo", "tag", None),
    f"test:5000/repo:tag@{S256}": ("test:5000", "repo", "tag", S256),
    f"test:5000/repo@{S512}": ("test:5000", "repo", None, S512),
    "lowercase:Uppercase": ("docker.io", "library/lowercase", "Uppercase", None),
    "Docker/docker": ("Docker", "docker", None, None),
    "LOCALHOST/a": ("LOCALHOST", "a", None, None),
    "localhost/a": ("localhost", "a", None, None),
    "foo/foo_bar.com:8080": ("docker.io", "foo/foo_bar.com", "8080", None),
    "foo_bar.com:8080": ("docker.io", "library/foo_bar.com", "8080", None),
    "sub-dom1.foo.com/bar/baz/quux:some-long-tag": (
        "sub-dom1.foo.com",
        "bar/baz/quux",
        "some-long-tag",
        None,
    ),
    "b.gcr.io/test.example.com/my-app:1": ("b.gcr.io", "test.example.com/my-app", "1", None),
    "xn--n3h.com/myimage:xn--n3h.com": ("xn--n3h.com", "myimage", "xn--n3h.com", None),
    "192.168.1.1": ("docker.io", "library/192.168.1.1", None, None),
    "192.168.1.1:5000/repo:5050": ("192.168.1.1:5000", "repo", "5050", None),
    "[2001:db8::1]/repo": ("[2001:db8::1]", "repo", None, None),
    "[2001:db8:1:2:3:4:5:6]:5000/repo:tag": ("[2001:db8:1:2:3:4:5:6]:5000", "repo", "tag", None),
    f"[::1]:5000/repo@{S256}": ("[::1]:5000", "repo", None, S256),
    "[fc00::1]:5000/docker/docker": ("[fc00::1]:5000", "docker/docker", None, None),
    "docker.io/" + "1a" * 32: ("docker.io", "library/" + "1a" * 32, None, None),
    "a/" * 127 + "a": ("docker.io", "a/" * 127 + "a", None, None),
    "a:" + "t" * 128: ("docker.io", "library/a", "t" * 128, None),
    "a:_.-": ("docker.io", "library/a", "_.-", None),
    "dock__er/a.b-c_d": ("docker.io", "dock__er/a.b-c_d", None, None),
}
REFUSED = [
    "", ":justtag", f"@{S256}", "repo@sha256:ffff", f"repo@md5:{'f' * 32}", f"a@{S256}@{S256}", "a@",
    "Uppercase:tag", "test:5000/Uppercase/lowercase:tag", "docker/Docker", "docker.io/docker/Docker",
    "aa/asdf$$^/aa", "https://github.com/docker/docker", "-docker", "-docker/docker", "-docker.io/docker/docker",
    "docker///docker", "docker.io/docker///docker", "docker/", "/docker", "a/../b", "a/./b", "./a", "../a",
    "docker..docker/a", "a/b..c", "_docker/a", "docker_/a", "docker-/a", ".a/b", "a___b", "a._b",
    "[fc00::1]", "[fc00::1]:5000", "fc00::1:5000/debian", "[fe80::1%eth0]:5000/debian",
    "[2001:db8:3:4::192.0.2.33]:5000/debian", "[]/a", "[::1/a",
    "1a" * 32, "a/" * 128 + "a", "a:" + "t" * 129, "a:-b", "a:.b", "a:b c", "a:b:c", "a b", " a", "a ", "a\n", "a\tb",
    "a.b:x/c", "a.b:/c", "a..b/c", "host:80:80/a", "localhost:/a", "é", "a/é", "a:é",
]  # fmt: skip
# what it takes and we do not: digests that no image of ours bears
STRICTER = [f"a@sha384:{'f' * 96}"]


def parts(text):
    """Host, path, tag and digest, or None where it is refused."""
    try:
        reference = Reference.parse(text)
    except ValueError:
        return None
    digest = str(reference.digest) if reference.digest else None
    return reference.repository.host, reference.repository.path, reference.tag, digest


def judged(texts):
    """The same from distribution/reference."""
    return [
        None if "error" in a else (a["domain"], a["path"], a["tag"] or None, a["digest"] or None)
        for a in ask(REFERENCES, texts)
    ]


def test_the_table():
    assert {text: parts(text) for text in TABLE} == TABLE
    assert judged(TABLE) == list(TABLE.values())


def test_what_is_refused():
    assert [text for text in REFUSED if parts(text) is not None] == []
    assert [text for text, reference in zip(REFUSED, judged(REFUSED), strict=True) if reference] == []
    assert [parts(text) for text in STRICTER] == [None]
    assert None not in judged(STRICTER)


pieces = st.sampled_from(
    ["a", "b1", "A", "localhost", "docker.io", "index.docker.io", "library", "ghcr.io", "[::1]", "[a", "0", "1a" * 32,
     ".", "..", "_", "__", "___", "-", "--", "/", "//", ":", "::", "@", "@" + S256, "@" + S512, "@sha256:12", ":80",
     ":5000/", ":tag", " ", "\n", "é", "x" * 120, "%", "~"]
)  # fmt: skip
near = st.lists(pieces, min_size=1, max_size=7).map("".join)


@given(st.lists(near | st.text("aZ0._-/:@[]", max_size=12), min_size=1, max_size=50))
@settings(max_examples=100)
def test_both_read_whatever_is_put_together_the_same(texts):
    assert [parts(t) for t in texts] == judged(texts)


component = st.from_regex(r"\A[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+){0,2}\Z").filter(lambda t: len(t) < 30)
host = st.sampled_from(
    [
        "docker.io",
        "ghcr.io",
        "localhost",
        "localhost:5000",
        "Registry.example",
        "[::1]:5000",
        "10.0.0.1",
        "a.b:1",
    ]
)
tag = st.none() | st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}\Z")


@given(host, st.lists(component, min_size=1, max_size=3), tag, st.sampled_from([None, S256, S512]))
def test_round_trips(host, path, tag, digest):
    text = f"{host}/{'/'.join(path)}" + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    [theirs] = ask(REFERENCES, [text])
    reference = Reference.parse(text)
    assert str(reference) == theirs["full"]
    assert reference.familiar == theirs["familiar"]
    assert Reference.parse(str(reference)) == reference
    if host != "docker.io" or ("." not in path[0] and path[0] != "localhost"):  # or it looks like a host
        assert Reference.parse(theirs["familiar"]) == reference
