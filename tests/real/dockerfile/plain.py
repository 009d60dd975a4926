"""The catalogue built by BuildKit alone: what `lockage generate` wrote, `buildctl`, and a daemon that knows no Lockage.

`Options` is the seam. It has the fields of the engine's build order, and `frontend` and `output` are what an order
becomes on buildctl's command line; a test that compares Lockage with plain BuildKit hands in those of the order.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.builds.buildkit import Peer
from tests.real.tools import crane
from tests.tools import logins

DEBIAN = "docker.io/library/debian:bookworm-slim"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a build beside its Dockerfile and context. `contexts` are named ones; `epoch` is in seconds."""

    epoch: int
    platform: str = "linux/amd64"
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    build_arguments: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict)

    def frontend(self) -> dict[str, str]:
        """The options of the Dockerfile frontend."""
        out = {"platform": self.platform, "build-arg:SOURCE_DATE_EPOCH": str(self.epoch)}
        out["cmdline"] = "dockerfile.v0"  # no other frontend, whatever `# syntax=` names
        out |= {f"build-arg:{name}": value for name, value in sorted(self.build_arguments.items())}
        out |= {f"label:{name}": value for name, value in sorted(self.labels.items())}
        return out | {f"context:{name}": source for name, source in sorted(self.contexts.items())}

    def output(self, destination: str) -> str:
        """The exporter's: an OCI image under a tag, with no time later than the epoch."""
        fields = {
            "type": "image",
            "name": destination,
            "push": "true",
            "oci-mediatypes": "true",
            "rewrite-timestamp": "true",
        }
        fields |= {f"annotation.{name}": value for name, value in sorted(self.annotations.items())}
        return _record(fields)

    def arguments(self, context: Path, destination: str, metadata_file: Path) -> list[str]:
        """What follows `buildctl build`."""
        out = ["--frontend", "dockerfile.v0", "--progress", "plain", "--metadata-file", str(metadata_file)]
        out += ["--local", f"context={context}", "--local", f"dockerfile={context}"]
        for name, value in self.frontend().items():
            out += ["--opt", f"{name}={value}"]
        for id, path in self.secrets.items():
            out += ["--secret", _record({"id": id, "src": str(path)})]
        return [*out, "--output", self.output(destination)]


@dataclass(frozen=True, slots=True)
class Built:
    """One image: its manifest's digest, or buildctl's last words where there is none."""

    name: str
    tag: str
    reference: str
    digest: str | None
    error: str = ""
    seconds: float = 0.0

    @property
    def exact(self) -> str:
        """The image by its digest."""
        assert self.digest, self.error
        return f"{self.reference.rpartition(':')[0]}@{self.digest}"


Choose = Callable[[Mapping[str, Any], Mapping[str, str]], Options]
"""The options for a target of the plan, given the named contexts that its bases are."""


def build(peer: Peer, context: Path, destination: str, options: Options) -> tuple[str | None, str]:
    """Build a folder with a Dockerfile and push the image: its digest, or None and buildctl's last words."""
    metadata_file = context.with_name(f"{context.name}.json")
    argv = [peer.client, "--addr", peer.address, "build"]
    argv += options.arguments(context, destination, metadata_file)
    env = {"PATH": os.environ["PATH"], "HOME": str(metadata_file.parent), **logins.variable()}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        return None, done.stderr[-3000:]
    return str(json.loads(metadata_file.read_text())["containerimage.digest"]), ""


def build_all(
    peer: Peer,
    plan: Mapping[str, Any],
    dist: Path,
    repository: str,
    choose: Choose,
    *,
    jobs: int = 2,
) -> dict[str, Built]:
    """Every target of a plan (`lockage plan --json`) in its order, by id: bases before what is based on them.

    `dist` is what `lockage generate` wrote, `repository` where images go (`localhost:5000/plain`).
    """
    debian = mirrored(repository.partition("/")[0], DEBIAN)
    made: dict[str, Future[Built]] = {}

    def one(target: Mapping[str, Any], bases: Mapping[str, Future[Built]]) -> Built:
        destination = f"{repository}/{target['image']}:{target['tag']}"
        contexts: dict[str, str] = {}
        for base in target["bases"]:
            if base["kind"] == "external":
                contexts[familiar(base["name"])] = f"docker-image://{debian}"
                continue
            found = bases[base["target"]].result()
            if found.digest is None:
                return Built(target["image"], target["tag"], destination, None, f"{found.name} was not built")
            contexts[familiar(base["name"])] = f"docker-image://{found.exact}"
        began = time.monotonic()
        folder = dist / target["image"] / target["tag"]
        digest, error = build(peer, folder, destination, choose(target, contexts))
        seconds = time.monotonic() - began
        return Built(target["image"], target["tag"], destination, digest, error, seconds)

    with ThreadPoolExecutor(jobs) as pool:  # the plan's order: whoever waits, waits for one that runs already
        for target in plan["targets"]:
            made[target["id"]] = pool.submit(one, target, made)
    return {id: future.result() for id, future in made.items()}


def settle(dist: Path, moment: int) -> None:
    """Give every path below one time: contexts of Lockage bear one, and what is older than the epoch keeps it."""
    for path in _below(dist):
        os.utime(path, (moment, moment), follow_symlinks=False)


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)
        yield path


def familiar(name: str) -> str:
    """A name as BuildKit looks for it among named contexts: Docker Hub's without its host."""
    return name.removeprefix("docker.io/").removeprefix("library/")


def mirrored(registry: str, name: str) -> str:
    """An image from elsewhere in the lab's mirror, by its digest."""
    repository = f"{registry}/mirror/{name.rpartition(':')[0]}"
    return f"{repository}@{crane('digest', f'{registry}/mirror/{name}')}"


def _record(values: Mapping[str, str]) -> str:
    """`name=value` pairs as one record of comma-separated values (RFC 4180)."""
    line = io.StringIO()
    fields: Iterable[str] = (f"{name}={value}" for name, value in values.items())
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()
