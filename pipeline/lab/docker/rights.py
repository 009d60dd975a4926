"""The rights of the engine's container, and the test that they suffice.

Measured with Debian's Docker 20.10, cgroup v1 and v2: SYS_ADMIN and NET_ADMIN, its own control groups made writable,
all devices, since a container of the engine's with `insecure_root_capabilities` gets them and cannot have more than
the engine's, and no filter on system calls, since runc joins a session keyring for each container. Where that does not
suffice, and Docker allows it, the container is `--privileged`, as in Dagger's own provisioning.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import EnvironmentProblem

from .. import process
from ..settings import LabSettings
from .cli import docker, with_cause

LEAST_RIGHTS = (
    *("--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--cgroupns", "private"),
    *("--device-cgroup-rule", "a *:* rwm"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
)
PRIVILEGED = ("--privileged", "--cgroupns", "private")
_TEST_SCRIPT = Path(__file__).parent / "rights-test.sh"


async def check_rights(settings: LabSettings, container: str) -> None:
    """Test the rights inside the engine's running container.

    Raises `EnvironmentProblem` with what was refused.
    """
    script = _TEST_SCRIPT.read_text()
    completed = await docker(settings, "exec", container, "/bin/sh", "-c", script)
    if completed.code != 0:
        refusal = completed.stderr.strip()
        first_line = refusal.partition("\n")[0]
        raise EnvironmentProblem(
            with_cause("Docker's rights do not let the engine run containers", first_line),
            detail=process.tail(refusal) or None,
        )
