"""Basic, bearer tokens and refresh tokens; certificates; what is not let through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.errors import RegistryError
from pipeline.model import Repository
from pipeline.registry import Access, ClientSettings, Credentials, HostAccess, Registry
from tests.registry import images, servers
from tests.registry.conftest import fresh
from tests.registry.fault_proxy import faulty

from .token_service import Service

pytestmark = [pytest.mark.anyio, pytest.mark.real]

ALICE = Credentials("alice", "wonderland")
HASHED = "$2b$05$sw9lNq6OfMDVYoP2Gy8Vs.7EsxUE4EUzV8qHpfVXDs7ZPUZEmLBNu"
QUICK = ClientSettings(backoff=0.001, backoff_max=0.01)
ACCESS = f"""\
users:
  alice:
    cred: "{HASHED}"
acls:
  - repo: "*"
    members: ["alice"]
    access: ["*"]
  - repo: "public/*"
    anonymous: true
    access: ["read"]
"""


def known(host: str, who: Credentials) -> Access:
    return Access({host: HostAccess(credentials=who)})


@pytest.fixture(params=["basic", "token"])
def guarded(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An olareg that wants to know who asks."""
    (tmp_path / "access.yml").write_text(ACCESS)
    port = servers.free_port()
    options = ["--auth-basic", str(tmp_path / "access.yml")]
    if request.param == "token":
        options = [
            "--auth-token-opaque",
            str(tmp_path / "access.yml"),
            "--external-url",
            f"http://localhost:{port}",
        ]
    with servers.olareg(tmp_path, *options, port=port) as host:
        yield host


async def test_a_real_registry_that_wants_a_login(guarded: str) -> None:
    repo, image = fresh(guarded), images.image("guarded")
    async with Registry(known(guarded, ALICE), QUICK) as registry:
        await registry.ping(guarded)
        await images.push(registry, repo, image, "1")
        assert await registry.head(repo.tagged("1")) == image.index.descriptor
        public = Repository(guarded, "public/app")
        await registry.copy(repo, image.index.digest, public, tag="1")
        assert registry.stats.tokens <= 8
    for access in (Access(), known(guarded, Credentials("alice", "wrong"))):
        async with Registry(access, QUICK) as registry:
            with pytest.raises(RegistryError) as caught:
                await registry.head(repo.tagged("1"))
            assert "docker login" in (caught.value.hint or "") or "permissions" in (caught.value.hint or "")
            assert "wrong" not in str(caught.value.to_json())
            assert registry.stats.retries == 0


async def test_distribution_with_a_password_file(tmp_path: Path) -> None:
    (tmp_path / "htpasswd").write_text(f"alice:{HASHED}\n")
    extra = f"auth:\n  htpasswd: {{realm: test, path: {tmp_path / 'htpasswd'}}}\n"
    with servers.distribution(tmp_path, extra) as host:
        repo, image = fresh(host), images.image("htpasswd")
        async with Registry(known(host, ALICE), QUICK) as registry:
            await images.push(registry, repo, image, "1")
            before = registry.stats
            assert await registry.head(repo.tagged("1")) == image.index.descriptor
            assert registry.stats.since(before).total == 1
        async with Registry(Access(), QUICK) as registry:
            with pytest.raises(RegistryError, match="401 UNAUTHORIZED"):
                await registry.head(repo.tagged("1"))


@pytest.fixture
async def service(host: str) -> AsyncIterator[Service]:
    """A registry whose tokens come from a service of its own."""
    async with faulty(host) as proxy:
        made = Service(proxy.host)
        proxy.gate = made.gate
        yield made


async def test_one_token_serves_many_requests(service: Service) -> None:
    repo, other, image = fresh(service.host), fresh(service.host), images.image("tokens")
    async with Registry(known(service.host, ALICE), QUICK) as registry:
        await images.push(registry, repo, image, "1")
        assert len(service.asked) == 1
    service.asked.clear()
    async with Registry(known(service.host, ALICE), QUICK) as registry:
        await registry.copy(repo, image.index.digest, other, tag="1")
        assert await registry.head(other.tagged("1")) == image.index.descriptor
        assert len(service.asked) <= 2
        assert f"repository:{other.path}:pull,push" in service.asked[-1]
        assert f"repository:{repo.path}:pull" in service.asked[-1]


async def test_tokens_that_expire_in_mid_run(service: Service) -> None:
    service.uses = 3
    repo, other, image = fresh(service.host), fresh(service.host), images.image("expiring")
    async with Registry(known(service.host, ALICE), QUICK) as registry:
        await images.push(registry, repo, image, "1")
        await images.attach(registry, repo, image.index.descriptor, "note")
        await registry.copy(repo, image.index.digest, other, tag="1")
        assert await registry.get_manifest(other.tagged("1")) == image.index
        assert await registry.delete(other.at(image.index.digest))
    assert len(service.asked) > 5


async def test_a_refresh_token(service: Service) -> None:
    async with Registry(known(service.host, Credentials(identity_token=service.refresh)), QUICK) as registry:
        descriptor = await registry.put_blob(fresh(service.host), b"by refresh token")
        assert descriptor.size == 16
    async with Registry(known(service.host, Credentials(identity_token="stale")), QUICK) as registry:
        with pytest.raises(RegistryError) as caught:
            await registry.put_blob(fresh(service.host), b"by a stale one")
        assert "stale" not in str(caught.value.to_json())


async def test_a_token_that_wears_out_at_once_ends_in_an_error(service: Service) -> None:
    service.uses = 0
    async with Registry(known(service.host, ALICE), QUICK) as registry:
        with pytest.raises(RegistryError, match="401"):
            await registry.head(fresh(service.host).tagged("1"))
    assert len(service.asked) <= 2


@pytest.mark.parametrize(
    "realm", ["http://registry.example/token", "ftp://localhost/token", "//nowhere", "x"]
)
async def test_credentials_go_to_no_address_in_the_clear(service: Service, realm: str) -> None:
    service.realm = realm
    async with Registry(known(service.host, ALICE), QUICK) as registry:
        with pytest.raises(RegistryError, match="https address"):
            await registry.head(fresh(service.host).tagged("1"))
    assert service.asked == []


async def test_a_certificate_of_ones_own(
    certificate: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = certificate
    image = images.image("tls")
    with servers.olareg(tmp_path, "--tls-cert", str(cert), "--tls-key", str(key)) as host:
        repo = fresh(host)
        async with Registry(Access({host: HostAccess(ca_file=str(cert))}), QUICK) as registry:
            await images.push(registry, repo, image, "1")
            assert await registry.head(repo.tagged("1")) == image.index.descriptor
        with monkeypatch.context() as machine:
            machine.setenv("SSL_CERT_FILE", str(cert))  # what the machine trusts (OpenSSL)
            async with Registry(Access(https_loopback=True), QUICK) as registry:
                assert await registry.head(repo.tagged("1")) == image.index.descriptor
        async with Registry(Access(https_loopback=True), QUICK) as registry:
            with pytest.raises(RegistryError, match="is not trusted") as caught:
                await registry.ping(host)
            assert f"LOCKAGE_CA_FILE={host}=" in (caught.value.hint or "")
            assert registry.stats.retries == 0
        async with Registry(Access(), QUICK) as registry:
            with pytest.raises(RegistryError) as caught:
                await registry.ping(host)
        async with Registry(Access(ca_file=str(tmp_path / "none"), https_loopback=True), QUICK) as registry:
            with pytest.raises(RegistryError, match="certificate authority"):
                await registry.ping(host)
