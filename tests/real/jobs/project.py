"""A project whose jobs a CI runs: two images of two platforms that need no emulator, with lock and jobs committed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pipeline.trust.keypair import KeyPair
from tests.real import samples
from tests.real.conftest import checkout
from tests.real.site import Site
from tests.real.tools import binary
from tests.tools.git import commit, git
from tests.tools.logins import environment
from tests.tools.signing.sigstore_services import Sigstore

DOCS = Path(__file__).resolve().parents[3] / "docs"
_MIRRORED = ("docker.io", "ghcr.io", "gcr.io")
_MORE = """\
platforms: [linux/amd64, linux/arm64]
retention: {environments: {dev: {rules: [{tags: ["pr-{pr}-*"], until_closed: true}]}}}
"""
# Where a job looks for programs: GitHub's runner reads a file, the others' jobs are one shell.
_SETUP = """\
if [ -n "$GITHUB_PATH" ]; then echo "@PROGRAMS@" >> "$GITHUB_PATH"; else PATH="@PROGRAMS@:$PATH"; fi
"""


@dataclass(frozen=True)
class Hosted:
    """A project at a provider: its checkout, and the key pair in its settings."""

    site: Site
    root: Path
    keys: KeyPair

    def repository(self, environment: str, image: str) -> str:
        """An image's repository in an environment."""
        name = (self.root / "lockage.yml").read_text().partition("project: ")[2].split()[0]
        return f"{self.site.registry}/{name}/{environment}/{image}"


def image(name: str, base: str) -> dict[str, str]:
    """An image of one file."""
    return {
        f"images/{name}/image.yml": samples.image("1.0.0"),
        f"images/{name}/Dockerfile.tmpl": f"FROM {base}\nCOPY rootfs /\n",
        f"images/{name}/rootfs/{name}": f"{name}\n",
    }


def runner(site: Site) -> dict[str, str]:
    """The environment of a runner: a site's engine and registry, which mirrors the publishers' as a company's does."""
    mirrors = ",".join(f"{host}={site.registry}/mirror/{host}" for host in _MIRRORED)
    names = ("LOCKAGE_CACHE", "LOCKAGE_HOME", "LOCKAGE_ENGINE", "LOCKAGE_INSTANCE")
    kept = {name: site.env[name] for name in names if name in site.env}
    cache = {"LOCKAGE_CACHE": str(Path.home() / ".cache/lockage")}
    return cache | kept | {"LOCKAGE_IMAGES": "upstream", "LOCKAGE_MIRRORS": mirrors, "TERM": "dumb"}


def sign_without_a_key(
    site: Site, root: Path, services: Sigstore, signer: dict[str, str], provider: str
) -> None:
    """Images are signed by an identity from now on: settings, what they name, and the jobs, committed."""
    files = {"signing_config": services.signing_config, "trusted_root": services.trusted_root}
    for key, file in files.items():
        (root / f"{key}.json").write_text(file.read_text())
    entry = signer | {key: f"{key}.json" for key in files}
    with (root / "lockage.yml").open("a") as settings:
        settings.write(f"sign: {json.dumps({'keyless': entry})}\n")
    site.run("ci", "generate", provider, cwd=root)
    commit(root)


def verify_identity(services: Sigstore, image: str, identity: str, issuer: str) -> None:
    """Cosign verifies the signature of an image."""
    argv = [binary("cosign"), "verify", "--trusted-root", services.trusted_root, "--allow-http-registry"]
    argv += ["--certificate-identity", identity, "--certificate-oidc-issuer", issuer, image]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def project(site: Site, folder: Path, owner: str, provider: str, lock: str = "report") -> Path:
    """A checkout of the branch main below `folder`, with the provider's jobs as they are generated."""
    setup = folder / "setup.sh"
    setup.write_text(_SETUP.replace("@PROGRAMS@", str(Path(sys.executable).parent)))
    files = image("base", "scratch") | image("app", "base:1.0.0")
    files |= {"ci/lockage.yml": f"providers: [{provider}]\nsetup: . {setup}\nlock: {lock}\n"}
    files |= {".gitlab-ci.yml": "include: [{local: .gitlab/lockage.yml}]\n"}
    root = checkout(folder / "project", owner, files, _MORE)
    git(root, "branch", "--move", "main")
    site.run("lock", cwd=root, **runner(site))
    site.run("ci", "generate", provider, cwd=root)
    commit(root, "ci: jobs")
    return root
