"""What a machine looks like from outside the lab: files, routes, rules, mounts. Two looks can be compared."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path


def look(instance: str) -> dict[str, object]:
    """Everything of the host that an engine on the bare host would change."""
    return {
        "/etc": _tree(Path("/etc")),
        "/usr/bin": _tree(Path("/usr/bin")),
        "/usr/sbin": _names(Path("/usr/sbin")),
        "/usr/local": _names(Path("/usr/local/bin")) + _names(Path("/usr/local/share")),
        "/opt": _names(Path("/opt")),
        "/run": [name for name in _names(Path("/run")) if "dagger" in name or "containers" in name],
        "routes": _say("ip", "route", "show", "table", "all"),
        "links": re.sub(r"\d+: |state \w+", "", _say("ip", "-br", "link")),
        "rules": _rules("iptables-save"),
        "legacy rules": _rules("iptables-legacy-save"),
        "forwarding": Path("/proc/sys/net/ipv4/ip_forward").read_text(),
        "mounts": Path("/proc/self/mounts").read_text(),
        "control groups": sorted(map(str, Path("/sys/fs/cgroup").glob(f"*/lockage-{instance}-*"))),
    }


def _tree(root: Path) -> dict[str, str]:
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if path.is_symlink():
                found[str(path)] = f"-> {path.readlink()}"
            elif path.is_file():
                found[str(path)] = f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return found


def _names(folder: Path) -> list[str]:
    return sorted(map(str, folder.iterdir())) if folder.is_dir() else []


def _say(*argv: str) -> str:
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""


def _rules(program: str) -> str:
    lines = _say(program).splitlines()
    return "\n".join(re.sub(r"\[\d+:\d+\]", "", line) for line in lines if not line.startswith("#"))
