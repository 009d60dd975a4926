"""What a site says in its environment: authorities, plain HTTP, mirrors; with real servers behind the program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.model import Reference, Repository
from pipeline.registry import Access, HostAccess, Registry, access_from_environ
from pipeline.registry.auth.environ import ca_file_from_environ, hosts_from_environ, mirrors_from_environ
from tests.registry import images, servers
from tests.registry.fault_proxy import faulty

ROOT = Path(__file__).resolve().parents[3]


def test_what_is_said(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("x")
    env = {
        "LOCKAGE_PLAIN_HTTP": "registry.lan:5000, other.lan",
        "LOCKAGE_CA_FILE": f"{ca}, harbor.example={ca}",
        "LOCKAGE_MIRRORS": "docker.io=harbor.example/hub,ghcr.io=localhost:5000/g",
    }
    access = access_from_environ(env, hosts={"mine.lan": HostAccess(True)})
    assert access.origin("registry.lan:5000") == "http://registry.lan:5000"
    assert access.origin("other.lan") == "http://other.lan"
    assert access.origin("mine.lan") == "http://mine.lan"
    assert access.origin("registry.lan") == "https://registry.lan"
    assert access.ca_of("harbor.example") == access.ca_of("ghcr.io") == str(ca)
    mirrors = mirrors_from_environ(env)
    assert str(mirrors.locate(Reference.parse("debian:12"))) == "harbor.example/hub/library/debian:12"
    assert str(mirrors.locate(Reference.parse("quay.io/a/b:1"))) == "quay.io/a/b:1"
    assert (hosts_from_environ({}), ca_file_from_environ({}), mirrors_from_environ({}).by_host) == (
        {},
        None,
        {},
    )


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("LOCKAGE_PLAIN_HTTP", "http://registry.lan", "not a registry host"),
        ("LOCKAGE_CA_FILE", "/nowhere/ca.pem", "there is no file"),
        ("LOCKAGE_CA_FILE", "a.example=/nowhere", "there is no file"),
        ("LOCKAGE_CA_FILE", "/" + "x" * 5000, "there is no file"),
        ("LOCKAGE_CA_FILE", "/a\0b", "there is no file"),
        ("LOCKAGE_CA_FILE", f"{__file__},{__file__}", "two files for every host"),
        ("LOCKAGE_MIRRORS", "docker.io", "not HOST=REPOSITORY"),
        ("LOCKAGE_MIRRORS", "docker.io=UPPER/Case:1", "LOCKAGE_MIRRORS"),
    ],
)
def test_what_cannot_be_meant(variable: str, text: str, problem: str) -> None:
    env = {variable: text}
    with pytest.raises(UsageError, match=problem) as caught:
        mirrors_from_environ(env)
        access_from_environ(env)
    assert caught.value.hint


def test_a_host_is_not_both(tmp_path: Path) -> None:
    env = {"LOCKAGE_PLAIN_HTTP": "a.example", "LOCKAGE_CA_FILE": f"a.example={__file__}"}
    with pytest.raises(UsageError, match="named by"):
        hosts_from_environ(env)


def test_proxies_and_who_does_without() -> None:
    env = {
        "HTTPS_PROXY": "proxy.lan:3128",
        "http_proxy": "http://u:open-sesame@other.lan",
        "NO_PROXY": "a.example,.lan",
    }
    access = access_from_environ(env)
    assert access.proxy_of("https://ghcr.io/v2/") == "http://proxy.lan:3128"
    assert access.proxy_of("http://ghcr.io:8080/v2/") == "http://u:open-sesame@other.lan"
    for url in ("https://a.example/v2/", "https://b.lan:5000/", "http://localhost:5000/", "http://[::1]:1/"):
        assert access.proxy_of(url) is None
    assert Access().proxy_of("https://ghcr.io/") is None
    assert "open-sesame" not in repr(access)
    for text in ("socks5://u:open-sesame@proxy.lan", "http://"):
        with pytest.raises(UsageError, match="not the address of an HTTP proxy") as caught:
            access_from_environ({"HTTPS_PROXY": text})
        assert "open-sesame" not in str(caught.value.to_json())


@pytest.mark.real
@pytest.mark.anyio
async def test_requests_go_through_the_proxy(olareg: str, tmp_path: Path) -> None:
    """A name that only the proxy can reach; what it is asked for is the whole address."""
    async with faulty(olareg) as proxy:
        env = {"HTTP_PROXY": f"http://{proxy.host}", "LOCKAGE_PLAIN_HTTP": "registry.invalid"}
        image, repo = images.image("through a proxy"), Repository("registry.invalid", "proxied/app")
        async with Registry(access_from_environ(env)) as registry:
            await images.push(registry, repo, image, "1")
            assert await registry.head(repo.tagged("1")) == image.index.descriptor
        assert len(proxy.asked) > 10
        async with Registry() as registry:
            assert (
                await registry.head(Repository(olareg, "proxied/app").tagged("1")) == image.index.descriptor
            )


@pytest.mark.real
def test_the_program_trusts_what_it_is_told_to(tmp_path: Path) -> None:
    """A registry with a certificate of its own: refused with the variable to set, then used with it."""
    cert, key, note = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "note.txt"
    make = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=localhost"
    )
    make += f" -addext subjectAltName=DNS:localhost -keyout {key} -out {cert}"
    subprocess.run(make.split(), check=True, capture_output=True)
    note.write_text("hello")

    def push(host: str, **variables: str) -> subprocess.CompletedProcess[str]:
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("LOCKAGE_", "DOCKER_"))}
        argv = [
            sys.executable,
            "-m",
            "pipeline.cli",
            "artifact",
            "push",
            f"{host}/note:1",
            "note.txt:text/plain",
        ]
        env = {**keep, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), **variables}
        return subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    with servers.olareg(tmp_path / "tls", "--tls-cert", str(cert), "--tls-key", str(key)) as host:
        done = push(host, LOCKAGE_CA_FILE=f"{host}={cert}")
        assert done.returncode == 0, done.stderr
        other = host.replace("localhost", "127.0.0.1")
        refused = push(other, LOCKAGE_CA_FILE=f"{other}={cert}")
        assert refused.returncode == 5 and "is not trusted" in refused.stderr, (
            "the certificate is for another name"
        )
    with servers.olareg(tmp_path / "plain") as host:
        refused = push(host, LOCKAGE_CA_FILE=f"{host}={cert}")
        assert refused.returncode == 5 and "does not speak TLS" in refused.stderr
        assert f"LOCKAGE_PLAIN_HTTP={host}" in refused.stderr
        done = push(host, LOCKAGE_PLAIN_HTTP=host)
        assert done.returncode == 0, done.stderr
