"""An API server with etcd, and policy-controller as a process beside it; pods are created by dry runs on the server."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.registry.servers import running
from tests.tools.ports import free_port

ADDRESS = "10.99.0.1"
"""Of this machine, in the namespace that tests/cluster/run makes: endpoints of services may not be on loopback."""
_SYSTEM = "cosign-system"
_APPLIED = (
    "100-namespace",
    "200-serviceaccount",
    "300-clusterimagepolicy",
    "300-trustroot",
    "500-webhook-configuration",
    "501-policy-webhook-configurations",
    "config-image-policies",
    "config-leader-election",
    "config-logging",
    "config-observability",
    "config-policy-controller",
    "config-sigstore-keys",
)
_SERVICE: tuple[dict[str, Any], ...] = (
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "webhook", "namespace": _SYSTEM},
        "spec": {"ports": [{"name": "https", "port": 443, "targetPort": 8443}]},
    },
    {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "webhook-here",
            "namespace": _SYSTEM,
            "labels": {"kubernetes.io/service-name": "webhook"},
        },
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": 8443, "protocol": "TCP"}],
        "endpoints": [{"addresses": [ADDRESS], "conditions": {"ready": True}}],
    },
)


@dataclass(frozen=True)
class Cluster:
    """A running API server that asks policy-controller about the pods of the namespace `apps`."""

    kubeconfig: Path

    def kubectl(self, *arguments: str, input: str = "", good: bool = True) -> str:
        """What kubectl prints; of what is refused, why."""
        argv = ["kubectl", "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(argv, input=input, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not good, done.stderr
        return done.stdout if done.returncode == 0 else done.stderr

    def apply(self, *documents: Mapping[str, Any]) -> None:
        """Create or change resources."""
        listed = {"apiVersion": "v1", "kind": "List", "items": documents}
        self.kubectl("apply", "-f", "-", input=json.dumps(listed))

    def refusal(self, image: str) -> str:
        """Why a pod with this image is refused; empty if it is admitted."""
        wanted = ("--dry-run=server", "-o", "jsonpath=admitted {.spec.containers[0].image}")
        output = self.kubectl("--namespace=apps", "run", "try", f"--image={image}", *wanted, good=False)
        return "" if output.startswith("admitted") else output


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Everything until the end of the block."""
    bin, config = Path(os.environ["CLUSTER_BIN"]), Path(os.environ["CLUSTER_CONFIG"])
    with ExitStack() as stack:
        store, peer, port = free_port(), free_port(), free_port()
        url = f"http://127.0.0.1:{store}"
        etcd = [str(bin / "etcd"), "--data-dir", str(folder / "etcd"), "--listen-client-urls", url]
        etcd += ["--advertise-client-urls", url, "--listen-peer-urls", f"http://127.0.0.1:{peer}"]
        stack.enter_context(running(etcd, store, folder / "etcd.log"))
        server = _api_server(folder, bin, url, port)
        stack.enter_context(running(server, port, folder / "api.log"))
        made = Cluster(folder / "kubeconfig")
        _until(lambda: made.kubectl("get", "--raw", "/readyz", good=False) == "ok", "the API server")
        for name in _APPLIED:
            made.kubectl("apply", "-f", str(config / f"{name}.yaml"))
        made.apply(*_SERVICE)
        environ = {
            "SYSTEM_NAMESPACE": _SYSTEM,
            "CONFIG_LOGGING_NAME": "config-logging",
            "METRICS_DOMAIN": "sigstore.dev/policy",
            "WEBHOOK_NAME": "webhook",
            "KUBERNETES_MIN_VERSION": "1.21.0",
            "POD_NAME": "policy-controller-0",
            "HOME": str(folder),
            "KUBECONFIG": str(made.kubeconfig),
        }
        controller = [str(bin / "policy-controller"), "--disable-tuf"]
        stack.enter_context(running(controller, 8443, folder / "controller.log", environ))
        query = (
            "get",
            "validatingwebhookconfiguration",
            "policy.sigstore.dev",
            "-o",
            "jsonpath={.webhooks[0].clientConfig.caBundle}",
        )
        _until(lambda: bool(made.kubectl(*query)), "policy-controller")
        labels = {"policy.sigstore.dev/include": "true"}
        made.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps", "labels": labels}})
        yield made


def _api_server(folder: Path, bin: Path, store: str, port: int) -> list[str]:
    """Its command line. It has a certificate of its own making; whoever has the token may do anything."""
    token = secrets.token_hex(16)
    (folder / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
    key = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(folder / "sa.key")]
    subprocess.run(key, check=True, capture_output=True)
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "it",
                "cluster": {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True},
            }
        ],
        "users": [{"name": "me", "user": {"token": token}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "me"}}],
        "current-context": "it",
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(document))
    return [
        str(bin / "kube-apiserver"),
        f"--etcd-servers={store}",
        "--bind-address=127.0.0.1",
        f"--advertise-address={ADDRESS}",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'api'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=AlwaysAllow",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'sa.key'}",
        f"--service-account-signing-key-file={folder / 'sa.key'}",
        "--service-cluster-ip-range=10.96.0.0/24",
        "--enable-aggregator-routing=true",
        "--disable-admission-plugins=ServiceAccount",
    ]


def _until(ready: Any, what: str) -> None:
    for _ in range(600):
        if ready():
            return
        time.sleep(0.2)
    raise RuntimeError(f"{what} does not answer")
