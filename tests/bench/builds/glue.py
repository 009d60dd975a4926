"""What people glue together today, as a script would: each image built, scanned, listed, tested, signed, copied.

The programs are those of the lab's toolbox, the databases, caches and keys what they would be on a laptop: trivy keeps
its cache from image to image. A structure test runs on the archive, without its commands, for which the tester needs
Docker.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.bench.clock import Command, Failed
from tests.bench.processor import Account, used
from tests.tools import logins

from .buildkit import Peer, running
from .orders import BUILDS, PEER, Image, mirrored, order_like, replace_bases

if TYPE_CHECKING:
    from tests.bench.stand import Home, Stand

_SIGNING_CONFIG = (
    '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}'
)
_TRUSTED_ROOT = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
_OFFLINE = ("--skip-db-update", "--skip-java-db-update", "--skip-version-check", "--offline-scan", "--quiet")
_DOCUMENTS = {"cyclonedx": "cyclonedx-json", "spdxjson": "spdx-json", "syft": "syft-json"}


class Sequence:
    """One image after the other, as most scripts do."""

    def run(self, glue: Glue) -> None:
        """All images, bases first."""
        for target in glue.targets:
            glue.chain(target)


class TwoAtOnce:
    """Two images at a time, each as soon as its bases are pushed."""

    def run(self, glue: Glue) -> None:
        """All images, bases first."""
        waiting, doing = list(glue.targets), dict[Future[None], str]()
        with ThreadPoolExecutor(2) as pool:
            while waiting or doing:
                ready = [target for target in waiting if glue.built >= _internal(target)]
                for target in ready[: 2 - len(doing)]:
                    waiting.remove(target)
                    doing[pool.submit(glue.chain, target)] = target["id"]
                for done in wait(doing, timeout=0.05, return_when=FIRST_COMPLETED).done:
                    doing.pop(done)
                    done.result()


@dataclass
class Glue:
    """The tools, a BuildKit on an empty state, and a registry; `chain` takes one image through everything."""

    stand: Stand
    home: Home
    peer: Peer
    account: Account
    scratch: Path
    contexts: Path
    targets: list[dict[str, Any]]
    images: Mapping[str, Mapping[str, Any]]
    ours: Mapping[str, Image]
    digests: dict[str, tuple[str, str]] = field(default_factory=dict)
    cpu: float = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    scanning: threading.Lock = field(
        default_factory=threading.Lock
    )  # trivy's cache serves one process at a time

    @classmethod
    @contextmanager
    def running(cls, stand: Stand, home: Home, name: str, result: Mapping[str, Any]) -> Iterator[Glue]:
        """Everything that is to be there before the clock starts; `result` is our run's, on the same catalogue."""
        host, scratch = home.host, stand.scratch / f"glue-{name}"
        contexts = scratch / "contexts"
        scratch.mkdir()
        home.command("generate", "--output", str(contexts)).run()
        targets = json.loads(home.command("plan", "--json").run().out)["targets"]
        ours = {target["id"]: Image.fetch(host, BUILDS, target["digest"]) for target in result["targets"]}
        images = {f"{image['image']}:{image['tag']}": image for image in result["images"]}
        (scratch / "signing.json").write_text(_SIGNING_CONFIG)
        (scratch / "root.json").write_text(_TRUSTED_ROOT)
        shutil.copytree(_database(home), scratch / "cache" / "db")
        with running(scratch / "buildkit", int(host.rpartition(":")[2]), home.env) as peer:
            account = stand.account(peer.pid, peer.sandbox)
            yield cls(stand, home, peer, account, scratch, contexts, targets, images, ours)

    @property
    def built(self) -> set[str]:
        """The targets that are pushed."""
        return set(self.digests)

    def used(self) -> float:
        """Processor time so far: of the tools, of BuildKit and of the registry."""
        return self.cpu + self.account.used() + used(self.home.pid("registry"))

    def chain(self, target: dict[str, Any]) -> None:
        """One image from its Dockerfile to its tags."""
        folder = self.contexts / target["image"] / target["tag"]
        bases = {base["name"]: self._base(base) for base in target["bases"]}
        replace_bases(folder / "Dockerfile", bases)
        host = self.home.host
        built = self.peer.build(folder, order_like(self.ours[target["id"]], target, f"{host}/{PEER}"))
        self._add(built.sample.cpu)
        self.digests[target["id"]] = PEER, built.digest
        work = self.scratch / target["id"].replace("/", "_")
        work.mkdir()
        image, tag = f"{host}/{PEER}@{built.digest}", f"{host}/peer/{target['image']}:{target['tag']}"
        archive = work / "image.tar"
        self._run("crane", "pull", image, archive)
        self._examine(target, archive, work)
        self._run("crane", "index", "append", "-m", image, "-t", tag)
        index = f"{tag.rpartition(':')[0]}@{self._run('crane', 'digest', tag).strip()}"
        child = f"{index.partition('@')[0]}@{built.digest}"
        for subject in (child, index):
            self._sign("sign", subject)
        for kind, file in (("cyclonedx", "cyclonedx"), ("spdxjson", "spdxjson"), ("vuln", "vuln")):
            self._sign("attest", "--type", kind, "--predicate", work / f"{file}.json", child)
        first, *others = [
            p.rpartition(":")[2] for p in self.images[f"{target['image']}:{target['tag']}"]["promoted"]
        ]
        staging = f"{host}/peer/staging/{target['image']}"
        self._run("crane", "copy", index, f"{staging}:{first}")
        for other in others:
            self._run("crane", "tag", f"{staging}:{first}", other)
        archive.unlink()

    def _examine(self, target: Mapping[str, Any], archive: Path, work: Path) -> None:
        trivy = ("image", "--input", archive, "--scanners", "vuln,secret", "--format", "json")
        with self.scanning:
            self._run("trivy", *trivy, "--output", work / "trivy.json", *_OFFLINE)
        outputs = [
            option for name, kind in _DOCUMENTS.items() for option in ("-o", f"{kind}={work / name}.json")
        ]
        self._run("syft", "scan", f"docker-archive:{archive}", "-q", *outputs)
        report = json.loads((work / "trivy.json").read_text())
        scan = {"uri": "pkg:github/aquasecurity/trivy", "version": "", "db": {}, "result": report}
        (work / "vuln.json").write_text(json.dumps({"invocation": {}, "scanner": scan, "metadata": {}}))
        tests = self.contexts / target["image"] / target["tag"] / "test.yml"
        if tests.is_file():
            data = yaml.safe_load(tests.read_text())
            metadata = {key: data[key] for key in ("schemaVersion", "metadataTest") if key in data}
            (work / "test.yml").write_text(yaml.safe_dump(metadata))
            options = ("--driver", "tar", "--image", archive, "--config", work / "test.yml")
            self._run("container-structure-test", "test", *options)

    def _sign(self, verb: str, *arguments: str | Path) -> None:
        options = ["--key", self.home.data / "keys" / "cosign.key", "--yes", "--allow-http-registry"]
        options += [
            "--signing-config",
            self.scratch / "signing.json",
            "--trusted-root",
            self.scratch / "root.json",
        ]
        self._run("cosign", verb, *options, *arguments)

    def _run(self, tool: str, *arguments: str | Path) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.scratch),
            "TRIVY_CACHE_DIR": str(self.scratch / "cache"),
            "SYFT_CHECK_FOR_APP_UPDATE": "false",
            "COSIGN_PASSWORD": (self.home.data / "keys" / "password").read_text(),
            **logins.variable(),
        }
        sample = Command([self.stand.tool(tool), *arguments], environment, self.scratch).run()
        self._add(sample.cpu)
        return sample.out

    def _add(self, cpu: float) -> None:
        with self.lock:
            self.cpu += cpu

    def _base(self, base: Mapping[str, Any]) -> str:
        if base["kind"] == "internal":
            repository, digest = self.digests[base["target"]]
            return f"{self.home.host}/{repository}@{digest}"
        return mirrored(base["reference"], self.home.host)


def _internal(target: Mapping[str, Any]) -> set[str]:
    return {base["target"] for base in target["bases"] if base["kind"] == "internal"}


def _database(home: Home) -> Path:
    """The scanner's data as our run fetched it."""
    from pipeline.lab import LabSettings

    folder = LabSettings.from_env(home.env).cache / "trivy-db"
    newest = max(
        (found for found in folder.iterdir() if (found / "trivy.db").is_file()), key=_changed, default=None
    )
    if newest is None:
        raise Failed(f"{folder}: no vulnerability data")
    return newest


def _changed(folder: Path) -> float:
    return folder.stat().st_mtime
