"""Tools that crash, write too much or half a report: an error or "not examined" that names them, never a pass."""

from __future__ import annotations

import gzip
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

import anyio
import pytest

from pipeline.lab.layout.builder import ImageConfig, LayoutBuilder
from pipeline.lab.layout.layers import BuiltLayer
from pipeline.lab.seed import own_platform
from pipeline.model import Digest, Repository
from pipeline.registry import Registry, push_layout
from tests.oci.layers import Made, tar
from tests.real import samples
from tests.real.site import ROOT, Site
from tests.real.tools import crane, tags
from tests.tools.git import commit
from tests.tools.logins import access
from tests.tools.peak_memory import run_measured
from tests.tools.scanning.grype_server import serving_grype

pytestmark = pytest.mark.real

NOISE = "head -c 50000000 /dev/zero | tr '\\0' x"
# The files that a tool is told to write, by --output FILE, --file FILE or FORMAT=FILE.
OUTPUTS = (
    'for a in "$@"; do case "$last" in --output|--file) out="$out $a";; esac; '
    'case "$a" in *=/out/*) out="$out ${a#*=}";; esac; last=$a; done'
)
FAULTS = {
    "crash": "echo SIGSEGV in the tool >&2; exit 139",
    "flood": f"{NOISE}; {NOISE} >&2; for o in $out; do {NOISE} > $o; done",
    "half": 'for o in $out; do printf \'{"SchemaVersion": 2, "Res\' > $o; done; touch /out/grype.log',
}
BINARIES = {"trivy": "/usr/local/bin/trivy", "grype": "/grype", "syft": "/syft"}
SETTINGS = """policy: {{vulnerabilities: {{scanner: both, fail_on: []}}, secrets: warn}}
grype_db: {listing}
tools: {{{tools}}}
"""
DATA = """
format: 1
updated: 2026-11-20T00:00:00Z
advisories:
  - {id: CVE-2099-0001, ecosystem: debian 12, package: x, severity: LOW, published: 2026-10-05, title: made up}
"""
MOST = 500  # MiB of the program, which holds a report of 50 MB a few times at once
UNREAD = "not examined: hello/1.2.3/linux-amd64: vulnerabilities\n  the report cannot be read: {}: report is not JSON"
# Exit code, and a part of the message.
EXPECTED = {
    ("trivy", "crash"): (6, "`/usr/local/bin/trivy image"),
    ("trivy", "flood"): (7, UNREAD.format("trivy")),
    ("trivy", "half"): (7, UNREAD.format("trivy")),
    ("grype", "crash"): (6, "scanning hello/1.2.3/linux-amd64 by grype: `/grype db import"),
    ("grype", "half"): (7, UNREAD.format("grype")),
    ("syft", "crash"): (6, "`/syft scan"),
}
EXTERNAL = "tags:\n  - {{name: 1.0.0, external: FOREIGN:{name}}}\n"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def tenant_of(root: Path) -> str:
    """The first element of a project's repositories."""
    return (root / "lockage.yml").read_text().partition("project: ")[2].split()[0]


def tools(fault: str) -> str:
    """A Dockerfile of an image with every tool, broken in one way."""
    script = f"#!/bin/sh\n{OUTPUTS}\n{FAULTS[fault]}\n"
    files = [f"COPY --chmod=755 <<'EOF' {path}\n{script}EOF\n" for path in BINARIES.values()]
    return samples.DEBIAN + "".join(files)


def test_a_broken_tool_never_opens_a_gate(site: Site, project: Callable[..., Path], tmp_path: Path) -> None:
    with serving_grype() as server:
        server.publish(tmp_path / "data", DATA, "2026-11-20T06:00:00Z")
        images = {f"images/{fault}/image.yml": samples.image("1.0.0") for fault in FAULTS}
        images |= {f"images/{fault}/Dockerfile.tmpl": tools(fault) for fault in FAULTS}
        root = project(images | samples.hello(), SETTINGS.format(listing=server.listing, tools=""))
        settings = root / "lockage.yml"
        plain = settings.read_text().partition("policy:")[0]
        name = tenant_of(root)
        for target in site.run("build", *FAULTS, "--json", cwd=root).json["targets"]:
            built = f"{site.registry}/{name}/builds@{target['digest']}"
            crane("copy", built, f"{site.registry}/{name}/tools:{target['image']}")
        for (tool, fault), (code, message) in EXPECTED.items():
            image = f"{tool}: {site.registry}/{name}/tools:{fault}"
            settings.write_text(plain + SETTINGS.format(listing=server.listing, tools=image))
            commit(root)
            env = {**site.env, "PYTHONPATH": str(ROOT)}
            done, memory = run_measured(["run", "hello", "--json"], tmp_path / "peak", cwd=root, env=env)
            assert (done.returncode, message in done.stderr) == (code, True), (tool, fault, done.stderr)
            assert len(done.stderr) < 10_000 and "x" * 5000 not in done.stdout, (tool, fault)
            assert memory < MOST, (tool, fault)
        assert tags(f"{site.registry}/{name}/dev/hello") == set(), "nothing was published"


async def push_unreadable(repository: Repository, layers: Mapping[str, bytes], folder: Path) -> None:
    """Images whose only layer is none, each under its name."""
    async with Registry(access()) as registry:
        for name, content in layers.items():
            layout = LayoutBuilder(folder / name)
            layout.root.mkdir(parents=True)
            layer = BuiltLayer(layout.put(content, LAYER), Digest.of(content))
            image = layout.image([layer], ImageConfig(platform=own_platform(), history=("made for a test",)))
            layout.finish(image, name)
            await push_layout(registry, layout.root, repository, name)


def test_an_unreadable_layer_never_passes(site: Site, project: Callable[..., Path], tmp_path: Path) -> None:
    noise = secrets.token_bytes(65536)
    whole = gzip.compress(tar([Made("etc/noise", content=noise)]))
    layers = {"noise": noise, "no-tar": gzip.compress(noise), "cut": whole[: len(whole) // 2]}
    files = {f"images/{name}/image.yml": EXTERNAL.format(name=name) for name in layers}
    root = project(files)
    name = tenant_of(root)
    repository = Repository(site.registry, f"{name}/foreign")
    anyio.run(push_unreadable, repository, layers, tmp_path / "layouts")
    for file in files:
        path = root / file
        path.write_text(path.read_text().replace("FOREIGN", str(repository)))
    commit(root)
    done = site.run("run", cwd=root, expect=6)
    for image in layers:
        errors = (f"error: listing the packages of {image}:1.0.0", f"error: scanning {image}/1.0.0")
        assert any(error in done.err for error in errors), (image, done.err)
        assert tags(f"{site.registry}/{name}/dev/{image}") == set()
