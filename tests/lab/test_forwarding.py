"""Forwarded ports: secret addresses, and only those of the engine that runs."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from pipeline.lab import LabSettings
from pipeline.lab.daemons import DaemonRecord
from pipeline.lab.forwarding import (
    choose_forwards,
    read_forwards,
    registry_forward_file,
    write_forwards,
)


def test_addresses_are_of_a_network_that_no_site_has() -> None:
    """Each port has its own, and no two engines have the same."""
    found = [choose_forwards((5000, 5001)) for _ in range(50)]
    addresses = [address for one in found for address in one.values()]
    assert all(set(one) == {5000, 5001} for one in found)
    assert len(set(addresses)) == 100
    for address in addresses:
        host, _, port = address.partition(":")
        assert IPv4Address(host) in IPv4Network("198.18.0.0/15")
        assert 1024 <= int(port) <= 65535


def test_only_of_the_engine_that_runs(tmp_path: Path) -> None:
    """Another engine's, none's, and what cannot be read are no forwards."""
    settings = LabSettings.from_env({"LOCKAGE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": "/root"})
    settings.data.mkdir(parents=True)
    engine = DaemonRecord(4711, 1, "boot")
    assert read_forwards(settings, engine) == {}
    forwards = {5000: "198.18.0.1:2000"}
    write_forwards(settings, engine, forwards)
    assert read_forwards(settings, engine) == forwards
    assert read_forwards(settings, DaemonRecord(4712, 1, "boot")) == {}
    assert read_forwards(settings, None) == {}
    (settings.data / "forwards.json").write_text("[]")
    assert read_forwards(settings, engine) == {}


def test_the_module_gets_the_first_which_is_the_instances_registry(tmp_path: Path) -> None:
    settings = LabSettings.from_env({"LOCKAGE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": "/root"})
    settings.data.mkdir(parents=True)
    for address in ("198.18.0.1:2000", "198.18.0.3:4000"):
        write_forwards(settings, DaemonRecord(4711, 1, "boot"), {5000: address, 5001: "198.18.0.2:3000"})
        assert registry_forward_file(settings).read_text() == f"localhost:5000={address}\n"
        assert registry_forward_file(settings).stat().st_mode & 0o777 == 0o600
