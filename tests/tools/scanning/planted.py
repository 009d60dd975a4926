"""Small images with packages of several ecosystems, and the real tools that list and scan them, without a network."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pipeline.lab.layout.layers import TarEntry, parent_folders
from pipeline.lab.seed.advisories import read as read_advisories
from pipeline.model import Manifest, Repository
from pipeline.model.descriptor import OCI_MANIFEST
from pipeline.sbom import FORMATS, SbomSubject
from pipeline.sbom.complete import complete
from pipeline.util.json.canonical import compact
from tests.lab.seed import images
from tests.tools import judges
from tests.tools.programs import program

SYFT = "1.18.1"
VOLATILE_LABELS = {
    "org.opencontainers.image.created": "2026-11-01T00:00:00Z",
    "org.opencontainers.image.revision": "0123456789abcdef0123456789abcdef01234567",
}
LABELS = {"Zone": "a=b:c", "org.opencontainers.image.title": "planted", "org.zeta": "", **VOLATILE_LABELS}
_DPKG = """\
Package: {name}
Status: install ok installed
Maintainer: {maintainer}
Architecture: amd64
Source: {source}
Version: {version}
Depends: {depends}
Description: made up

"""
_APK = """\
P:{name}
V:{version}
A:x86_64
o:{origin}
m:{maintainer}
L:MIT
T:made up

"""
_GRYPE = {
    "GRYPE_DB_AUTO_UPDATE": "false",
    "GRYPE_DB_VALIDATE_AGE": "false",
    "GRYPE_CHECK_FOR_APP_UPDATE": "false",
}
_TRIVY = ("--skip-db-update", "--skip-java-db-update", "--skip-version-check", "--offline-scan", "--quiet")


@dataclass(frozen=True)
class Planted:
    """An image in an archive; its manifest and configuration as a registry has them."""

    archive: Path
    manifest: Manifest
    config: bytes

    @property
    def subject(self) -> SbomSubject:
        """The image as one that was published."""
        repository = Repository("registry.example", "dev/planted")
        return SbomSubject("acme", repository, "1.0", self.manifest.digest, images.AMD64, 1_793_491_200)


def debian() -> dict[str, bytes | str]:
    """Debian 12: source packages of other names and versions, an empty file and a link, a wheel, npm, a jar."""
    packages = (
        ("flawed", "flawed-source", "2:1.3-9", "Ann Other <ann@debian.org>", "flawed-libs (>= 1)"),
        (
            "flawed-libs",
            "flawed-source (2:1.3-9)",
            "2:1.3-9+b1",
            "Debian Flaw Team <flaw@debian.org>",
            "ring",
        ),
        ("mended", "mended-source (1.0)", "1.0", "Acme (packages) <apt@acme.example>", "flawed"),
        ("ring", "ring", "1-1", "Ring Maintainers <ring@debian.org>", "ring-end"),
        ("ring-end", "ring", "1-1", "Ring Maintainers <ring@debian.org>", "ring"),
    )
    status = "".join(
        _DPKG.format(name=n, source=s, version=v, maintainer=m, depends=d) for n, s, v, m, d in packages
    )
    return {
        "etc/debian_version": b"12.5\n",
        "etc/os-release": b'ID=debian\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\n',
        "var/lib/dpkg/status": status.encode(),
        "var/lib/dpkg/info/mended.list": b"/.\n/etc\n/etc/empty\n/etc/full\n/etc/link\n",
        "var/lib/dpkg/info/mended.md5sums": b"d41d8cd98f00b204e9800998ecf8427e  etc/empty\n"
        b"9a0364b9e99bb480dd25e1f0284c8555  etc/full\n0cc175b9c0f1b6a831c399e269772661  etc/link\n",
        "usr/share/doc/mended/copyright": b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        b"Files: *\nLicense: MIT\n\nFiles: x\nLicense: made-up-licence\n",
        "etc/empty": b"",
        "etc/full": b"content",
        "etc/link": "full",
        "opt/lib/python3.11/site-packages/flawed_wheel-0.1.dist-info/METADATA": b"Metadata-Version: 2.1\n"
        b"Name: flawed-wheel\nVersion: 0.1\nAuthor: Ann Other\nAuthor-email: ann@pypi.example\nLicense: MIT\n",
        "srv/node_modules/@flawed/node/package.json": json.dumps(
            {
                "name": "@flawed/node",
                "version": "1.0.0",
                "author": "Node Foundation <n@x.example>",
                "license": "MIT",
            }
        ).encode(),
        "srv/jar-1.0.jar": jar("org.flawed", "jar", "1.0", "Flawed Inc."),
    }


def alpine() -> dict[str, bytes | str]:
    """Alpine 3.22 with a package of another origin."""
    packages = (
        ("flawed", "1.3-r2", "flawed-origin", "Natanael Copa <ncopa@alpinelinux.org>"),
        ("fine", "2.0-r0", "fine", "Fine Team <fine@alpinelinux.org>"),
    )
    installed = "".join(_APK.format(name=n, version=v, origin=o, maintainer=m) for n, v, o, m in packages)
    return {
        "etc/alpine-release": b"3.22.1\n",
        "etc/os-release": b'ID=alpine\nNAME="Alpine Linux"\nVERSION_ID=3.22.1\n',
        "lib/apk/db/installed": installed.encode(),
    }


def scratch() -> dict[str, bytes | str]:
    """FROM scratch with one file."""
    return {"program": b"\x7fELF static"}


def jar(group: str, artifact: str, version: str, vendor: str) -> bytes:
    """A jar that says what it is."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in {
            "META-INF/MANIFEST.MF": f"Manifest-Version: 1.0\nImplementation-Vendor: {vendor}\n",
            f"META-INF/maven/{group}/{artifact}/pom.properties": (
                f"groupId={group}\nartifactId={artifact}\nversion={version}\n"
            ),
        }.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()


def plant(folder: Path, files: Mapping[str, bytes | str]) -> Planted:
    """An image with these files; a text is the target of a link."""
    entries = [*parent_folders(*files), *(TarEntry(path, 0o644, content) for path, content in files.items())]
    layout = images.image(folder / "image", entries, labels=LABELS)
    manifest = Manifest.parse(images.blob(layout, images.layout_manifest(layout).digest.hex), OCI_MANIFEST)
    assert manifest.config
    config = images.blob(layout, manifest.config.digest.hex)
    return Planted(images.archive(layout, folder / "image.tar"), manifest, config)


def repacked(archive: Path, target: Path, *, architecture: str = "", without: Collection[str] = ()) -> Path:
    """A Docker archive with the same files in layers of another tar form, and so with other digests; or with the same
    layers, for another architecture or `without` these labels."""
    with tarfile.open(archive) as source:
        described = json.load(source.extractfile("manifest.json") or io.BytesIO())[0]
        config = json.load(source.extractfile(described["Config"]) or io.BytesIO())
        layers = [(source.extractfile(name) or io.BytesIO()).read() for name in described["Layers"]]
    if architecture:
        config["architecture"] = architecture
        for name in without:
            del config["config"]["Labels"][name]
    else:
        layers = [_repacked(io.BytesIO(layer)) for layer in layers]
    config["rootfs"]["diff_ids"] = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    described |= {"Config": "config.json", "Layers": names}
    files = {"manifest.json": json.dumps([described]).encode(), "config.json": json.dumps(config).encode()}
    with tarfile.open(target, "w") as tar:
        for name, content in {**files, **dict(zip(names, layers, strict=True))}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return target


def _repacked(layer: IO[bytes]) -> bytes:
    out = io.BytesIO()
    with (
        tarfile.open(fileobj=layer) as old,
        tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as new,
    ):
        for entry in old:
            entry.mtime, entry.pax_headers = 1, {}
            new.addfile(entry, old.extractfile(entry) if entry.isfile() else None)
    return out.getvalue()


def listed(image: Planted, folder: Path) -> dict[str, bytes]:
    """What syft writes about an image."""
    folder.mkdir(parents=True, exist_ok=True)
    formats = {"cyclonedx-json": "cyclonedx-json@1.6", "spdx-json": "spdx-json@2.3", "syft-json": "syft-json"}
    options = [part for name, form in formats.items() for part in ("-o", f"{form}={folder / name}")]
    command = [
        program("syft"),
        "scan",
        f"docker-archive:{image.archive}",
        "--source-name",
        "planted",
        *options,
    ]
    _run(command, folder, SYFT_CHECK_FOR_APP_UPDATE="false", SYFT_QUIET="true")
    return {name: (folder / name).read_bytes() for name in formats}


def completed(image: Planted, folder: Path) -> dict[str, bytes]:
    """The documents of an image as a run makes them; each is also a file of the folder."""
    subject = image.subject
    made = complete(listed(image, folder), subject, subject.serial(SYFT), image.manifest, image.config)
    for name, file in FORMATS.values():
        (folder / file).write_bytes(made[name])
    return made


def trivy(kind: str, *source: str | Path, cache: Path) -> Any:
    """Trivy's report on an image (`--input`, its archive) or a bill of materials."""
    command = [program("trivy"), kind, *source, "--cache-dir", cache, "--format", "json", "--list-all-pkgs"]
    return json.loads(_run([*command, "--scanners", "vuln", *_TRIVY], cache))


def grype(source: str, cache: Path) -> Any:
    """Grype's report on a bill of materials (`sbom:…`) or an image's archive (`docker-archive:…`), by the data that
    `grype_data` left in a folder."""
    command = [judges.program(judges.GRYPE), source, "-q", "-o", "json"]
    return json.loads(_run(command, cache, **_GRYPE, GRYPE_DB_CACHE_DIR=str(cache)))


def grype_data(folder: Path, advisories: Path) -> None:
    """Advisories as a database of grype's, imported as its own would be."""
    grype = judges.program(judges.GRYPE)
    grype_database(folder, advisories)
    with tarfile.open(folder / "db.tar", "w") as archive:
        archive.add(folder / "vulnerability.db", "vulnerability.db")
    _run([grype, "-q", "db", "import", folder / "db.tar"], folder, **_GRYPE, GRYPE_DB_CACHE_DIR=str(folder))


def grype_database(folder: Path, advisories: Path) -> Path:
    """Advisories as the file of grype's database."""
    (folder / "list.json").write_bytes(compact(read_advisories(advisories).to_writer()))
    _run([judges.program(judges.GRYPE).parent / "grypedb", folder / "list.json", folder], folder)
    return folder / "vulnerability.db"


def converted(document: Path) -> Any:
    """What syft reads from a document, in its own format: grype reads documents by the same code."""
    command = [program("syft"), "convert", document, "-o", "syft-json"]
    return json.loads(_run(command, document.parent, SYFT_CHECK_FOR_APP_UPDATE="false", SYFT_QUIET="true"))


def _run(command: list[str | Path], folder: Path, **env: str) -> str:
    done = subprocess.run(
        [*map(str, command)],
        env={"HOME": "/tmp", "PATH": "/usr/bin:/bin", **env},  # as in the engine
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
