"""Archives of what was built, read by programs that are not ours."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import Site
from tests.real.tools import binary, crane
from tests.tools import peers

pytestmark = pytest.mark.real


def test_what_was_built_is_exported_and_others_read_it(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project(samples.hello())
    missing = site.run("export", cwd=root, expect=5)
    assert "hello/1.2.3/linux-amd64" in missing.err and "next: lockage build hello:1.2.3" in missing.err
    assert not (root / "dist").exists()

    built = site.run("sbom", "--json", cwd=root).json
    digest = built["targets"][0]["digest"]
    done = site.run("export", "--json", cwd=root).json
    folder = root / "dist" / "hello" / "1.2.3"
    names = ["linux-amd64/image.tar", "linux-amd64/sbom.cyclonedx.json", "image.tar"]
    assert [str(Path(f["path"]).relative_to(folder.relative_to(root))) for f in done["files"]] == names
    assert all(file["written"] for file in done["files"])
    assert done["files"][0]["digest"] == digest
    assert json.loads((folder / names[1]).read_bytes())["bomFormat"] == "CycloneDX"

    archive = folder / "linux-amd64" / "image.tar"
    assert (folder / "image.tar").read_bytes() == archive.read_bytes()
    looked = json.loads(peers.run(*peers.skopeo(), "inspect", f"oci-archive:{archive}:1.2.3"))
    assert (looked["Digest"], looked["Architecture"]) == (digest, "amd64")
    subprocess.run([binary("crane"), "validate", "--tarball", archive], check=True, capture_output=True)
    here = f"{site.registry}/exported/hello:1"
    peers.run(
        *peers.skopeo(), "copy", "--dest-tls-verify=false", f"oci-archive:{archive}:1.2.3", f"docker://{here}"
    )
    assert crane("digest", here) == digest

    before = archive.stat()
    again = site.run("export", "--json", cwd=root).json
    assert not any(file["written"] for file in again["files"])
    assert archive.stat().st_mtime_ns == before.st_mtime_ns
    whole = archive.read_bytes()
    archive.write_bytes(whole[:-700] + b"x" + whole[-699:])
    mended = site.run("export", "--output", str(tmp_path / "dist"), cwd=root)
    assert (tmp_path / "dist" / "hello" / "1.2.3" / "linux-amd64" / "image.tar").read_bytes() == whole
    site.run("export", cwd=root)
    assert archive.read_bytes() == whole and not list(folder.rglob(".*"))
    assert mended.out.splitlines()[0].endswith("linux-amd64/image.tar")
    closed = site.run("export", "--sign", cwd=root, expect=7)
    assert "exported unsigned" in closed.err and not list(folder.rglob("*.sigstore.json"))
    site.run("push", cwd=root)
    signed = [Path(file["path"]) for file in site.run("export", "--sign", "--json", cwd=root).json["files"]]
    made = [path.name.removesuffix(".sigstore.json") for path in signed[3:]]
    of_archive = ["image.tar.provenance", "image.tar"]
    assert made == [*of_archive, "sbom.cyclonedx.json", *of_archive]
    assert not any(f["written"] for f in site.run("export", "--sign", "--json", cwd=root).json["files"])
    key = site.data / "keys" / "cosign.pub"
    options = ["--insecure-ignore-tlog", "--key", key, "--bundle", f"{archive}.sigstore.json"]
    subprocess.run([binary("cosign"), "verify-blob", *options, archive], check=True, capture_output=True)
    options[-1] = f"{archive}.provenance.sigstore.json"
    argv = [binary("cosign"), "verify-blob-attestation", "--type", "slsaprovenance1", *options, archive]
    subprocess.run(argv, check=True, capture_output=True)
    (proved,) = site.run("verify", "--file", archive, "--json", cwd=root).json
    (platform,) = proved["provenance"]["buildDefinition"]["resolvedDependencies"][1:]
    assert platform["digest"] == {"sha256": digest.partition(":")[2]}
    output = site.run("verify", "--file", archive, "--file", folder / "image.tar", cwd=root).out
    assert "for hello:1.2.3, linux/amd64" in output
    assert "made by https://lockage.org/builder/local/v1" in output
    archive.write_bytes(whole[:-700] + b"x" + whole[-699:])
    assert "is not signed by" in site.run("verify", "--file", archive, cwd=root, expect=7).err
    archive.write_bytes(whole)

    with tarfile.open(archive) as tar:
        assert {(m.uid, m.gid, m.mtime) for m in tar} == {(0, 0, 0)}
