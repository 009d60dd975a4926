"""The official images that the lab has stand-ins for; how they are made is in the modules that `seeding` imports.

Every run checks that its site has them all, and only a run that lacks one makes it.
"""

from __future__ import annotations

from pipeline.model import Platform, Reference, Repository
from pipeline.util.dataclass import dataclass

from ..tools import recipes

SBIN = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CA_FILE = "etc/ssl/certs/ca-certificates.crt"
NONROOT = 65532

SUITE = "bookworm"
DEBIAN = Repository("docker.io", "library/debian").tagged(f"{SUITE}-slim")
VULNERABILITY_DATABASE = Repository("ghcr.io", "aquasecurity/trivy-db").tagged("2")
JAVA_DATABASE = Repository("ghcr.io", "aquasecurity/trivy-java-db").tagged("1")
GRYPE_DATABASE = Repository("grype.anchore.io", "databases/v6").tagged("latest")
BUILDKIT = Repository("docker.io", "moby/buildkit").tagged(f"v{recipes.BUILDKIT_VERSION}")
FRONTEND = Repository("docker.io", "docker/dockerfile").tagged("1")


@dataclass(frozen=True, slots=True)
class ToolImage:
    """An official image and the parts of it that a step can rely on. `tool` is the toolbox's name for the binary.

    Its `repr` is part of the key: renaming the class or a field rebuilds every stand-in.
    """

    reference: str
    tool: str
    binary: str
    entrypoint: tuple[str, ...]
    env: tuple[str, ...]
    user: str = ""
    workdir: str = ""

    @property
    def official(self) -> Reference:
        """The parsed `reference`."""
        return Reference.parse(self.reference)


# The fastest to build come first.
TOOL_IMAGES = (
    # From scratch.
    ToolImage(
        "docker.io/hadolint/hadolint:v2.15.1",
        "hadolint",
        "bin/hadolint",
        ("/bin/hadolint",),
        (f"PATH={SBIN}",),
    ),
    # From scratch with certificates and /tmp, which is the working folder.
    ToolImage(
        "docker.io/anchore/syft:v1.18.1", "syft", "syft", ("/syft",), (f"PATH={SBIN}",), workdir="/tmp"
    ),
    # On distroless base, with a credential helper of Google's that is missing here.
    ToolImage(
        "gcr.io/gcp-runtimes/container-structure-test:v1.22.1",
        "container-structure-test",
        "container-structure-test",
        ("/container-structure-test",),
        (f"PATH={SBIN}", f"SSL_CERT_FILE=/{CA_FILE}"),
    ),
    # Built by ko on distroless static: not root.
    ToolImage(
        "ghcr.io/sigstore/cosign/cosign:v3.1.3",
        "cosign",
        "ko-app/cosign",
        ("/ko-app/cosign",),
        (f"PATH={SBIN}:/ko-app", f"SSL_CERT_FILE=/{CA_FILE}", "KO_DATA_PATH=/var/run/ko"),
        user=str(NONROOT),
        workdir="/home/nonroot",
    ),
    # On Alpine, with git and a shell that are missing here.
    ToolImage(
        "docker.io/aquasec/trivy:0.74.0", "trivy", "usr/local/bin/trivy", ("trivy",), (f"PATH={SBIN}",)
    ),
)

# Made only for a catalogue that uses them: they take long to compile.
ON_DEMAND = (
    # From scratch with certificates and /tmp, which is the working folder.
    ToolImage(
        "docker.io/anchore/grype:v0.121.3", "grype", "grype", ("/grype",), (f"PATH={SBIN}",), workdir="/tmp"
    ),
)


def needed() -> tuple[str, ...]:
    """The official references that `seed` has stand-ins for, without those that are made on demand."""
    references = (
        DEBIAN,
        VULNERABILITY_DATABASE,
        JAVA_DATABASE,
        *(image.official for image in TOOL_IMAGES),
        FRONTEND,
        BUILDKIT,
    )
    return tuple(map(str, references))


def on_demand() -> frozenset[str]:
    """The official references that `seed` makes on demand: grype and its data."""
    return frozenset(map(str, (*(image.official for image in ON_DEMAND), GRYPE_DATABASE)))


def own_platform() -> Platform:
    """This machine's platform."""
    return Platform("linux", recipes.architecture())
