"""buildkitd.toml, read by Python's own parser."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.buildkit import DaemonConfig
from pipeline.engine.buildkit.config import NETWORK
from pipeline.model import Fallbacks, Mirrors, Reference, Repository

IMAGE = Reference.parse("docker.io/moby/buildkit:v0.32.2@sha256:" + "a" * 64)
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def read(config: DaemonConfig) -> dict[str, Any]:
    """The daemon's configuration."""
    return tomllib.loads(config.toml())


def test_what_every_daemon_is_told() -> None:
    found = read(DaemonConfig(IMAGE))
    worker = found["worker"]["oci"]
    assert (worker["networkMode"], worker["cniConfigPath"]) == ("cni", NETWORK)
    assert worker["gc"] is True and "max-parallelism" not in worker
    assert found["insecure-entitlements"] == ["network.host", "security.insecure"]
    assert "registry" not in found
    assert read(DaemonConfig(IMAGE, parallelism=3))["worker"]["oci"]["max-parallelism"] == 3


def test_a_registry_without_tls_one_with_an_authority_and_one_with_a_mirror() -> None:
    config = DaemonConfig(
        IMAGE,
        mirrors=Mirrors.parse(
            {"docker.io": "localhost:5000/mirror/docker.io", "quay.io": "mirror.example/quay"}
        ),
        plain_http=frozenset({"localhost:5000"}),
        authorities={"registry.example": PEM, "mirror.example": PEM + PEM},
    )
    assert read(config)["registry"] == {
        "docker.io": {"mirrors": ["localhost:5000/mirror/docker.io"]},
        "localhost:5000": {"http": True},
        "mirror.example": {"ca": ["/etc/buildkit/ca/2.pem"]},
        "quay.io": {"mirrors": ["mirror.example/quay"]},
        "registry.example": {"ca": ["/etc/buildkit/ca/4.pem"]},
    }
    assert config.certificates() == {"/etc/buildkit/ca/2.pem": PEM + PEM, "/etc/buildkit/ca/4.pem": PEM}


def test_a_registry_that_fails_is_read_elsewhere() -> None:
    fallbacks = Fallbacks("ghcr.io/acme", ("docker.io/acme", "harbor.example/hub/acme", "quay.io/other"))
    config = DaemonConfig(IMAGE, fallbacks=fallbacks.by_host, plain_http=frozenset({"ghcr.io"}))
    mirrors = ["ghcr.io", "docker.io", "harbor.example/hub"]
    assert read(config)["registry"] == {"ghcr.io": {"http": True, "mirrors": mirrors}}
    mirrored = replace(config, mirrors=Mirrors.parse({"ghcr.io": "mirror.example/ghcr"}))
    assert read(mirrored)["registry"]["ghcr.io"]["mirrors"] == ["mirror.example/ghcr"]
    whole = Fallbacks("registry.example", ("other.example/copy",))
    assert whole.by_host == {"registry.example": ("other.example/copy",)}


@pytest.mark.parametrize(
    "host",
    [
        "[::1]:5000",
        "127.0.0.1:5000",
        "a-b.example",
        'a"b',
        "a\\b",
        "a]b",
        "a\nb",
        "a'b",
        "bücher.example",
        "#",
    ],
)
def test_hosts_of_any_characters_are_one_table(host: str) -> None:
    """So that no name can add a line of its own."""
    config = DaemonConfig(
        IMAGE,
        mirrors=Mirrors({host: Repository("m.example", "x")}),
        plain_http=frozenset({host}),
        authorities={host: PEM},
    )
    assert read(config)["registry"] == {
        host: {"http": True, "ca": ["/etc/buildkit/ca/0.pem"], "mirrors": ["m.example/x"]}
    }


_hosts = st.sampled_from([f"{letter}.example:{n}" for letter in "abc" for n in (1, 22, 333)])


@given(
    st.frozensets(_hosts),
    st.dictionaries(_hosts, st.sampled_from([PEM, PEM + "2", PEM + "3"])),
    st.dictionaries(_hosts, st.just(Repository("m.example", "x"))),
)
def test_each_hosts_file_holds_that_hosts_authority(
    plain: frozenset[str], authorities: dict[str, str], mirrors: dict[str, Repository]
) -> None:
    config = DaemonConfig(IMAGE, Mirrors(mirrors), plain, authorities)
    registries, files = read(config).get("registry", {}), config.certificates()
    assert {host: files[table["ca"][0]] for host, table in registries.items() if "ca" in table} == authorities
    assert len(files) == len(authorities)
    assert {host for host, table in registries.items() if table.get("http")} == plain
    assert {host for host, table in registries.items() if "mirrors" in table} == set(mirrors)
