"""Credentials from Docker's configuration, from real helper programs, and from what CI sets."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import EnvironmentProblem
from pipeline.registry import Access, Credentials, access_from_environ
from pipeline.registry.auth.docker_config import DockerConfig, host_of, render_docker_config

pytestmark = pytest.mark.anyio

SECRET = "open-sesame"


def auth(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("https://index.docker.io/v1/", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("docker.io", "docker.io"),
        ("ghcr.io", "ghcr.io"),
        ("https://ghcr.io", "ghcr.io"),
        ("https://ghcr.io/v2/", "ghcr.io"),
        ("http://Registry.Example:5000/v1/", "registry.example:5000"),
        ("localhost:5000", "localhost:5000"),
        ("http://[", "["),
        ("https://a.example?x", "a.example"),
    ],
)
def test_hosts(key: str, host: str) -> None:
    assert host_of(key) == host


async def test_entries_of_every_kind() -> None:
    config = {
        "auths": {
            "https://index.docker.io/v1/": {"auth": auth("hub", "a:b")},
            "ghcr.io": {"username": "u", "password": SECRET},
            "quay.io": {"identitytoken": SECRET},
            "harbor.example": {"registrytoken": SECRET},
            "empty.example": {},
            "ghcr.io/acme": {"auth": auth("only", "below")},
        }
    }
    access = access_from_environ({}, json.dumps(config))
    assert await access.credentials("docker.io") == Credentials("hub", "a:b")
    assert await access.credentials("ghcr.io") == Credentials("u", SECRET)
    assert await access.credentials("quay.io") == Credentials(identity_token=SECRET)
    assert await access.credentials("harbor.example") == Credentials(registry_token=SECRET)
    assert await access.credentials("empty.example") is None
    assert await access.credentials("elsewhere.example") is None
    assert SECRET not in repr(await access.credentials("ghcr.io"))
    assert SECRET not in repr(DockerConfig.parse(json.dumps(config), "x"))


async def test_where_it_is_found(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(
        json.dumps({"auths": {"a.example": {"auth": auth("a", "1")}}})
    )
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text(
        json.dumps({"auths": {"a.example": {"auth": auth("b", "2")}}})
    )
    home = {"HOME": str(tmp_path)}
    assert await access_from_environ(home).credentials("a.example") == Credentials("a", "1")
    moved = home | {"DOCKER_CONFIG": str(tmp_path / "other")}
    assert await access_from_environ(moved).credentials("a.example") == Credentials("b", "2")
    given = home | {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {"a.example": {"auth": auth("c", "3")}}})}
    assert await access_from_environ(given).credentials("a.example") == Credentials("c", "3")
    gitlab = home | {"CI_REGISTRY": "g.example", "CI_REGISTRY_USER": "ci", "CI_REGISTRY_PASSWORD": "job"}
    assert await access_from_environ(gitlab).credentials("g.example") == Credentials("ci", "job")
    github = {"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "octo", "GITHUB_TOKEN": "job"}
    assert await access_from_environ(github).credentials("ghcr.io") == Credentials("octo", "job")
    assert await access_from_environ(github).credentials("a.example") is None
    configuration = json.dumps({"auths": {"ghcr.io": {"auth": auth("d", "4")}}})
    more = github | {"DOCKER_AUTH_CONFIG": configuration}
    assert await access_from_environ(more).credentials("ghcr.io") == Credentials("d", "4")
    elsewhere = {"GITHUB_TOKEN": "of a laptop"}
    assert await access_from_environ(elsewhere).credentials("ghcr.io") is None
    assert await access_from_environ({}).credentials("a.example") is None
    assert await access_from_environ({}, tmp_path / "absent.json").credentials("a.example") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not JSON at line 1"),
        ("[]", "not an object"),
        ('{"auths": []}', None),
        ('{"auths": ["x"]}', "auths is not an object"),
        ('{"auths": {"a.example": "x"}}', "a.example is not an object"),
        ('{"auths": {"a.example": {"auth": "open-sesame!"}}}', "not base64"),
        (
            json.dumps({"auths": {"a.example": {"auth": base64.b64encode(b"open-sesame").decode()}}}),
            "user:password",
        ),
        ('{"auths": {"a.example": {"password": 7}}}', "not a string"),
        ('{"credHelpers": "open-sesame"}', "credHelpers is not an object"),
    ],
)
async def test_configurations_that_are_broken(text: str, problem: str | None) -> None:
    access = access_from_environ({}, text)
    if problem is None:
        assert await access.credentials("a.example") is None
        return
    with pytest.raises(EnvironmentProblem, match=problem) as caught:
        await access.credentials("a.example")
    assert SECRET not in str(caught.value.to_json())


@given(st.text(max_size=200))
def test_any_text_is_a_configuration_or_an_error(text: str) -> None:
    try:
        DockerConfig.parse(text, "it")
    except EnvironmentProblem:
        return


def test_addresses() -> None:
    access = Access()
    assert access.origin("docker.io") == "https://registry-1.docker.io"
    assert access.origin("ghcr.io") == "https://ghcr.io"
    assert access.origin("localhost:5000") == "http://localhost:5000"
    assert access.origin("127.0.0.1:5000") == "http://127.0.0.1:5000"
    assert access.origin("[::1]:5000") == "http://[::1]:5000"
    assert access.origin("localhost.example") == "https://localhost.example"
    assert access.origin("127.0.0.1.example:80") == "https://127.0.0.1.example:80"


_words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_credentials = st.builds(
    Credentials, _words.map(lambda user: user.replace(":", "")), _words, _words, _words
).filter(lambda one: one != Credentials())
_known = st.dictionaries(
    st.sampled_from(["docker.io", "ghcr.io", "localhost:5000", "[::1]:5000", "registry.example"]),
    _credentials,
)


@given(_known)
def test_credentials_written_for_another_program_are_read_back(known: dict[str, Credentials]) -> None:
    text = render_docker_config(known)
    assert dict(DockerConfig.parse(text, "here").auths) == known
    assert bool(text) is bool(known)


def test_docker_hub_is_written_under_the_name_that_docker_knows() -> None:
    found = json.loads(
        render_docker_config({"docker.io": Credentials("u", SECRET), "a.example": Credentials("v", "")})
    )
    assert found == {
        "auths": {
            "a.example": {"auth": auth("v", "")},
            "https://index.docker.io/v1/": {"auth": auth("u", SECRET)},
        }
    }


def test_tokens_are_no_passwords() -> None:
    known = {"a.example": Credentials(identity_token="i"), "b.example": Credentials(registry_token="r")}
    assert json.loads(render_docker_config(known)) == {
        "auths": {"a.example": {"identitytoken": "i"}, "b.example": {"registrytoken": "r"}}
    }


@pytest.mark.parametrize("encoded", ["\u0080", "a", "é", "/w==", "\ud800"])
async def test_auth_that_is_not_base64_of_a_text(encoded: str) -> None:
    auths = {"a.example": {"auth": encoded}, "b.example": {"auth": auth("user", "pass")}}
    config = DockerConfig.parse(json.dumps({"auths": auths}), "config.json")
    with pytest.raises(EnvironmentProblem, match=r"a\.example: auth is not base64"):
        await config.credentials("a.example", {})
    assert await config.credentials("b.example", {}) == Credentials("user", "pass")
    assert await config.credentials("c.example", {}) is None


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf{}", b'\xef\xbb\xbf{"auths": {}}\r\n'])
async def test_a_file_without_credentials(tmp_path: Path, content: bytes) -> None:
    """Empty, as `touch` leaves it, or with the mark that Windows writes."""
    (tmp_path / "config.json").write_bytes(content)
    assert await access_from_environ({"DOCKER_CONFIG": str(tmp_path)}).credentials("a.example") is None


async def test_keys_of_every_age() -> None:
    auths = {
        "https://a.example/artifactory/api": {"auth": auth("old", "1")},
        "b.example": {"auth": auth("new", "1")},
        "https://b.example/v1/": {"auth": auth("old", "1")},
        "https://c.example/x": {"auth": auth("old", "1")},
        "c.example": {"auth": auth("new", "1")},
        "d.example/acme": {"auth": auth("podman", "1")},
        "e.example": None,
    }
    config = DockerConfig.parse(json.dumps({"auths": auths}), "config.json")
    found = [await config.credentials(f"{name}.example", {}) for name in "abcde"]
    assert [one and one.username for one in found] == ["old", "new", "new", None, None]


async def test_files_of_podman(tmp_path: Path) -> None:
    def written(name: str, user: str, *hosts: str) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"auths": {host: {"auth": auth(user, "1")} for host in hosts}}))
        return file

    named = written("named.json", "named", "a.example")
    written(".docker/config.json", "docker", "a.example", "b.example")
    written("run/containers/auth.json", "podman", "a.example", "b.example", "c.example")
    env = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run"), "REGISTRY_AUTH_FILE": str(named)}
    access = access_from_environ(env)
    found = [await access.credentials(f"{name}.example") for name in "abcd"]
    assert [one and one.username for one in found] == ["named", "docker", "podman", None]


@pytest.mark.parametrize("password", ["pass", "passw", "passwo", "p" * 90])
@pytest.mark.parametrize("written", ["", "\n", "wrapped", "unpadded"])
async def test_base64_as_docker_reads_it(password: str, written: str) -> None:
    encoded = auth("user", password)
    if written == "wrapped":
        encoded = base64.encodebytes(f"user:{password}".encode()).decode().replace("\n", "\r\n")
    encoded = encoded.rstrip("=") if written == "unpadded" else encoded + written.removeprefix("wrapped")
    config = DockerConfig.parse(json.dumps({"auths": {"a.example": {"auth": encoded}}}), "config.json")
    assert await config.credentials("a.example", {}) == Credentials("user", password)
