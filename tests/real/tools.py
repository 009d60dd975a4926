"""The official tools as judges, from the toolbox: crane looks at the registry, cosign at signatures."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.tools import peers
from tests.tools.logins import environment
from tests.tools.programs import program as binary

__all__ = ["binary", "cosign", "crane", "regctl", "tags"]


def crane(*arguments: str, expect: int = 0) -> str:
    """What crane says on stdout."""
    command = [binary("crane"), *arguments]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stderr
    return done.stdout.strip()


def regctl(host: str, *arguments: str) -> str:
    """What regctl says on stdout about images of a registry without TLS."""
    command = [str(peers.regctl()), "--host", f"reg={host},tls=disabled", *arguments]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def tags(repository: str) -> set[str]:
    """All tags of a repository; none if it does not exist."""
    command = [binary("crane"), "ls", repository]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        assert "NAME_UNKNOWN" in done.stderr or "404" in done.stderr, done.stderr
    return set(done.stdout.split())


def cosign(*arguments: str, root: Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Cosign with an empty trusted root, which keeps it off the network."""
    trusted = root / "trusted-root.json"
    trusted.write_text('{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}')
    options = ["--trusted-root", str(trusted), "--insecure-ignore-tlog", "--allow-http-registry"]
    command = [binary("cosign"), arguments[0], *options, *arguments[1:]]
    return subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
