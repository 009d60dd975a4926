"""BuildKit's daemon as data: its image, and how it reaches registries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from pipeline.model import Mirrors, Reference
from pipeline.util.dataclass import dataclass

NETWORK = "/run/lockage/network.conflist"  # of RUN instructions, and its plug-ins; both are made by daemon.sh
PLUGINS = "/run/lockage/plugins"
RUNTIME = "/usr/local/bin/lockage-runtime"
PATIENCE = 30.0  # seconds that a busy daemon may take to answer
_CERTIFICATES = "/etc/buildkit/ca"


@dataclass(frozen=True, slots=True)
class DaemonConfig:
    """The configuration of a daemon.

    `plain_http` are hosts without TLS, `authorities` additional certificate authorities of hosts in PEM. `ports` are
    loopback ports, on the session's machine, of registries and caches. `secrets` are variables of the daemon that no
    step of a build sees. During builds the daemon is probed every `patience` seconds, and may take as many to answer.
    `fallbacks` are, by host, what to put before a path to read it elsewhere where the host fails.
    `host_network` is whether any build is granted `network.host`; without, there is no such network.
    """

    image: Reference
    mirrors: Mirrors = field(default_factory=Mirrors)
    plain_http: frozenset[str] = frozenset()
    authorities: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ports: tuple[int, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    parallelism: int = 0  # steps at once over all builds; 0 for no limit
    patience: float = PATIENCE
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    host_network: bool = False

    @property
    def _hosts(self) -> list[str]:
        return sorted({*self.plain_http, *self.authorities, *self.mirrors.by_host, *self.fallbacks})

    def toml(self) -> str:
        """The daemon's configuration (buildkitd.toml)."""
        lines = [
            'insecure-entitlements = ["network.host", "security.insecure"]',
            "[history]",
            "maxEntries = 20",
            "[worker.oci]",
            'snapshotter = "overlayfs"',
            'networkMode = "cni"',
            f"cniConfigPath = {json.dumps(NETWORK)}",
            f"cniBinaryPath = {json.dumps(PLUGINS)}",
            f"binary = {json.dumps(RUNTIME)}",
            "cniPoolSize = 1",
            "gc = true",
            'reservedSpace = "5GB"',
            'maxUsedSpace = "20GB"',
            'minFreeSpace = "3GB"',
        ]
        if self.parallelism:
            lines.append(f"max-parallelism = {self.parallelism}")
        for number, host in enumerate(self._hosts):
            lines.append(f"[registry.{json.dumps(host)}]")
            if host in self.plain_http:
                lines.append("http = true")
            if host in self.authorities:
                lines.append(f"ca = [{json.dumps(f'{_CERTIFICATES}/{number}.pem')}]")
            if prefix := self.mirrors.by_host.get(host):
                lines.append(f"mirrors = [{json.dumps(str(prefix))}]")
            elif host in self.fallbacks:  # BuildKit tries the host itself last, unless it is among them
                lines.append(f"mirrors = {json.dumps([host, *self.fallbacks[host]])}")
        return "\n".join(lines) + "\n"

    def certificates(self) -> dict[str, str]:
        """Paths in the daemon's file system, and what they hold."""
        return {
            f"{_CERTIFICATES}/{number}.pem": self.authorities[host]
            for number, host in enumerate(self._hosts)
            if host in self.authorities
        }
