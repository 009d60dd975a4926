"""Other platforms: refused in one sentence where nothing runs them, really built and tested where qemu does."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from pipeline.engine.platforms import program
from pipeline.lab import LabSettings
from pipeline.lab.engine import emulators
from pipeline.lab.settings import quiet
from pipeline.model import Platform
from pipeline.model.platform import SUPPORTED
from tests.real import samples
from tests.real.conftest import commit
from tests.real.contents import Image
from tests.real.site import Site
from tests.real.tools import binary, crane, tags
from tests.tools.logins import environment

from . import expectations, features

pytestmark = pytest.mark.real

BOTH = "platforms: [linux/amd64, linux/arm64]\n"
MACHINE = """\
schemaVersion: 2.0.0
commandTests:
  - name: runs on its own machine
    command: uname
    args: [-m]
    expectedOutput: ["aarch64"]
  - name: was built on it
    command: cat
    args: [/etc/machine]
    expectedOutput: ["aarch64", "arm64"]
metadataTest:
  cmd: ["sleep", "1"]
"""
COPIED = {
    "images/data/image.yml": samples.image("1"),
    "images/data/Dockerfile.tmpl": samples.DEBIAN,
    "images/data/rootfs/etc/hello": "hello\n",
}


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose engine may be started anew with emulators, which the other tests' may not."""
    made = Site(tmp_path_factory.mktemp("foreign"))
    made.run("up")
    yield made
    made.end()


@pytest.fixture
def alone(tmp_path: Path) -> None:
    """Skips where this kernel runs arm64 already, for everyone: then there is nothing to refuse."""
    probe = tmp_path / "probe"
    probe.write_bytes(program(Platform.parse("arm64")))
    probe.chmod(0o755)
    try:
        subprocess.run([probe], check=True)
    except OSError:
        return
    pytest.skip("this machine runs arm64 programs for everyone")


def builds(site: Site, root: Path) -> str:
    """The repository of builds of a project."""
    lines = (root / "lockage.yml").read_text().splitlines()
    (path,) = [line.split()[1] for line in lines if line.startswith("builds:")]
    return f"{site.registry}/{path}"


@pytest.mark.usefixtures("alone")
def test_refused_before_anything_is_built(foreign: Site, project: Callable[..., Path]) -> None:
    root = project(samples.hello(), BOTH)
    done = foreign.run("-C", root, "run", expect=4)
    (first, *_) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert "hello/1.2.3/linux-arm64 has RUN instructions" in first
    assert "linux/amd64 and runs no programs for linux/arm64" in first
    assert "--emulate" in done.err
    assert tags(builds(foreign, root)) == set()
    assert foreign.run("-C", root, "build", "--platform", "linux/amd64").code == 0
    rebuilt = foreign.run("-C", root, "rebuild", expect=4)  # once built elsewhere, or by qemu
    assert (
        "hello/1.2.3/linux-arm64 has RUN instructions" in rebuilt.err and "LOCKAGE_EMULATE=1" in rebuilt.err
    )


@pytest.mark.usefixtures("alone")
def test_who_only_copies_needs_no_emulation(foreign: Site, project: Callable[..., Path]) -> None:
    root = project(COPIED, BOTH)
    done = foreign.run("-C", root, "scan", "--json")
    assert {t["platform"]: t["status"] for t in done.json["targets"]} == {
        "linux/amd64": "built",
        "linux/arm64": "built",
    }
    digest = done.json["targets"][1]["digest"]
    assert json.loads(crane("config", f"{builds(foreign, root)}@{digest}"))["architecture"] == "arm64"
    (root / "images/data/test.yml.tpl").write_text(samples.HELLO_TEST)
    refused = foreign.run("-C", root, "test", expect=4)
    assert "data/1/linux-arm64 has tests that run in it" in refused.err
    # What is only read needs no emulation either.
    metadata = 'schemaVersion: 2.0.0\nmetadataTest:\n  cmd: ["bash"]\n'
    (root / "images/data/test.yml.tpl").write_text(metadata)
    tested = foreign.run("-C", root, "test", "--json").json["targets"]
    assert [t["tests"] for t in tested] == [{"passed": 1, "total": 1}] * 2


CROSS = """\
FROM --platform=$BUILDPLATFORM debian:bookworm-slim AS tool
ARG BUILDPLATFORM TARGETPLATFORM TARGETARCH
RUN uname -m > /machine && echo "$BUILDPLATFORM $TARGETPLATFORM $TARGETARCH" >> /machine
FROM debian:bookworm-slim
COPY --from=tool /machine /machine
"""


@pytest.mark.usefixtures("alone")
def test_who_compiles_across_needs_no_emulation(foreign: Site, project: Callable[..., Path]) -> None:
    root = project({"images/data/image.yml": samples.image("1"), "images/data/Dockerfile.tmpl": CROSS}, BOTH)
    targets = foreign.run("-C", root, "build", "--json").json["targets"]
    assert [t["status"] for t in targets] == ["built"] * 2
    for target in targets:
        image = f"{builds(foreign, root)}@{target['digest']}"
        exported = subprocess.run(
            [binary("crane"), "export", image, "-"], env=environment(), capture_output=True, check=True
        )
        with tarfile.open(fileobj=io.BytesIO(exported.stdout)) as archive:
            file = archive.extractfile("machine")
            assert file
            machine, words = file.read().decode().splitlines()
        own = os.uname().machine
        assert machine == own and words.split()[1:] == [target["platform"], target["platform"][6:]]


def test_built_and_tested_under_qemu(foreign: Site, project: Callable[..., Path]) -> None:
    files = samples.system("arm") | {
        "images/arm/image.yml": samples.image("1.2.3", extra="platforms: [linux/arm64]\n"),
        "images/arm/Dockerfile.tmpl": samples.DEBIAN
        + 'RUN uname -m > /etc/machine && dpkg --print-architecture >> /etc/machine\nCMD ["sleep", "1"]\n',
        "images/arm/test.yml.tpl": MACHINE,
    }
    root = project(files | samples.system("both"), BOTH)
    done = foreign.run("-C", root, "run", "--emulate", "--json")
    found = {t["id"]: t for t in done.json["targets"]}
    assert [t["status"] for t in found.values()] == ["built"] * 3
    assert found["arm/1.2.3/linux-arm64"]["tests"] == {"passed": 3, "total": 3}
    assert found["both/1.2.3/linux-arm64"]["packages"] == found["both/1.2.3/linux-amd64"]["packages"]
    assert "linux/arm64  on the engine of this instance, which is linux/amd64" in done.err
    index = next(i for i in done.json["images"] if i["image"] == "both")
    children = json.loads(crane("manifest", index["reference"]))["manifests"]
    assert {c["platform"]["architecture"]: c["digest"] for c in children} == {
        name.rpartition("-")[2]: t["digest"] for name, t in found.items() if name.startswith("both/")
    }
    crane("validate", "--remote", index["reference"])
    # Once known, nothing has to be run, so nobody has to ask for emulation.
    again = foreign.run("-C", root, "run", "--json")
    assert not again.json["engine_used"]
    assert {t["status"] for t in again.json["targets"]} == {"reused"}


ODD = """\
schemaVersion: 2.0.0
commandTests:
  - {name: says hello, command: cat, args: [/etc/hello], expectedOutput: [hello]}
  - {name: is amd64, command: uname, args: [-m], expectedOutput: [x86_64]}
"""


def test_a_command_that_fails_on_one_platform_closes_its_gate_there(
    foreign: Site, project: Callable[..., Path]
) -> None:
    root = project(COPIED | {"images/data/test.yml.tpl": ODD}, BOTH)
    done = foreign.run("-C", root, "run", "--emulate", "--json", expect=7)
    found = {t["platform"]: t for t in done.json["targets"]}
    assert {name: (t["status"], t["tests"]["passed"]) for name, t in found.items()} == {
        "linux/amd64": ("built", 2),
        "linux/arm64": ("closed", 1),
    }
    [closed] = [v for v in found["linux/arm64"]["verdicts"] if not v["passed"]]
    assert (closed["gate"], closed["state"]) == ("tests", "closed")
    assert "is amd64: Expected string 'x86_64' not found in output 'aarch64" in closed["reasons"][0]
    assert "data/1/linux-arm64" in done.err and "is amd64" in done.err
    [image] = done.json["images"]
    assert (image["status"], image["index"]) == ("aborted", None) and "linux/arm64: closed" in image["reason"]


def test_cross_builds_are_what_the_reference_demands(foreign: Site, tmp_path: Path) -> None:
    """Stages for $BUILDPLATFORM run on this machine's processor, the others by emulation."""
    root = features.prepare_platforms(tmp_path / "project")
    commit(root)
    done = foreign.run("-C", root, "build", "--emulate", "--json")
    assert {t["id"]: t["status"] for t in done.json["targets"]} == {
        "platform-arm64-copies-alone/1/linux-amd64": "built",
        "platform-arm64-copies-alone/1/linux-arm64": "built",
        "platform-arm64-cross/1/linux-arm64": "built",
    }
    for target in done.json["targets"]:
        if target["platform"] != "linux/arm64":
            continue
        expected = features.expectation(target["image"])
        assert expected
        image = Image(f"{foreign.registry}/features/builds@{target['digest']}")
        assert not expectations.differences(expected, image, None)


def test_an_engine_that_emulates_serves_everyone(foreign: Site, project: Callable[..., Path]) -> None:
    foreign.run("up", LOCKAGE_EMULATE="1")
    before = foreign.run("status", "--json").json["daemons"]
    root = project(samples.hello("h"), BOTH)
    foreign.run("-C", root, "build", "--platform", "linux/arm64")
    assert foreign.run("status", "--json").json["daemons"] == before


@pytest.mark.parametrize("name", SUPPORTED)
def test_the_probe_is_a_program_of_its_machine(name: str, tmp_path: Path) -> None:
    settings, platform = LabSettings.from_env(os.environ), Platform.parse(name)
    probe = tmp_path / "probe"
    probe.write_bytes(program(platform))
    probe.chmod(0o755)
    command = [str(probe)]
    if platform.architecture != "amd64":
        folder = anyio.run(emulators.ensure, settings, quiet)
        machine = emulators.machine(platform.architecture)
        command.insert(0, str(folder / f"usr/bin/qemu-{machine}-static"))
    subprocess.run(command, check=True)
