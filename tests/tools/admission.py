"""Kyverno's own command, which applies policies without a cluster."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from . import logins
from .judges import KYVERNO, program


def refusal(folder: Path, image: str) -> str:
    """What Kyverno says against a pod with an image, by policies.yaml in a folder; empty if it admits it."""
    spec = {"containers": [{"name": "app", "image": image}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app", "namespace": "apps"}, "spec": spec}
    (folder / "pod.yaml").write_text(json.dumps(pod))
    argv = [program(KYVERNO), "apply", "policies.yaml", "--resource", "pod.yaml", "--registry"]
    argv += ["--policy-report", "--output-format", "json", "--continue-on-fail"]
    env = {**logins.variable(), "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)
    (result,) = json.loads(done.stdout[done.stdout.index("{") :])["results"]
    return "" if result["result"] == "pass" else f"{result['result']}: {result.get('message')}"
