"""A project whose jobs a CI runs: two images of two platforms that need no emulator, with lock and jobs committed."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.tools.git import commit, git

from . import samples
from .conftest import checkout
from .site import Site

DOCS = Path(__file__).resolve().parents[2] / "docs"
_MIRRORED = ("docker.io", "ghcr.io", "gcr.io")
_MORE = """\
platforms: [linux/amd64, linux/arm64]
retention: {environments: {dev: {rules: [{tags: ["pr-{pr}-*"], until_closed: true}]}}}
"""
# Where a job looks for programs: GitHub's runner reads a file, the others' jobs are one shell.
_SETUP = """\
if [ -n "$GITHUB_PATH" ]; then printf '%s\\n' @PROGRAMS@ >> "$GITHUB_PATH"; else PATH="@PATH@:$PATH"; fi
"""
# What the jobs ask of GitHub's own client: kept for the test, and one pull request is closed.
_GH = """\
#!/bin/sh
printf '%s\\n' "$@" > "$TESTS_ARTIFACTS/gh-$1"
[ -n "$GH_TOKEN$GITHUB_TOKEN" ] || exit 4
[ "$1" != pr ] || echo 7
"""


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


def project(site: Site, folder: Path, owner: str, provider: str) -> Path:
    """A checkout of the branch main below `folder`, with the provider's jobs as they are generated."""
    programs = folder / "programs"
    programs.mkdir()
    (programs / "gh").write_text(_GH)
    (programs / "gh").chmod(0o755)
    places = [str(Path(sys.executable).parent), str(programs)]
    setup = folder / "setup.sh"
    setup.write_text(_SETUP.replace("@PROGRAMS@", " ".join(places)).replace("@PATH@", ":".join(places)))
    files = image("base", "scratch") | image("app", "base:1.0.0")
    files |= {"ci/lockage.yml": f"providers: [{provider}]\nsetup: . {setup}\n"}
    files |= {".gitlab-ci.yml": "include: [{local: .gitlab/lockage.yml}]\n"}
    root = checkout(folder / "project", owner, files, _MORE)
    git(root, "branch", "--move", "main")
    site.run("lock", cwd=root, **runner(site))
    site.run("ci", "generate", provider, cwd=root)
    commit(root, "ci: jobs")
    return root
