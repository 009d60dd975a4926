"""Small images that build in seconds without a network, for tests that are about something else."""

from __future__ import annotations

import io
import zipfile

DEBIAN = "FROM debian:bookworm-slim\n"

# A package that is not really there: enough for scanners, and quicker than installing it.
VULNERABLE_CURL = (
    "RUN printf 'Package: curl\\nStatus: install ok installed\\nPriority: optional\\nSection: web\\n"
    "Maintainer: nobody <nobody@example.org>\\nArchitecture: amd64\\nVersion: 7.88.1-10\\n"
    "Description: for a test\\n\\n' >> /var/lib/dpkg/status\n"
)

HELLO_TEST = """\
schemaVersion: 2.0.0
commandTests:
  - name: says hello
    command: cat
    args: [/etc/hello]
    expectedOutput: ["hello"]
metadataTest:
  cmd: ["sleep", "1"]
"""


def image(*tags: str, extra: str = "") -> str:
    """An image.yml with these tags."""
    return "tags:\n" + "".join(f"  - name: {tag}\n" for tag in tags) + extra


def hello(name: str = "hello", base: str = DEBIAN) -> dict[str, str]:
    """An image that passes: one file, a command test and a metadata test."""
    return {
        f"images/{name}/image.yml": image("1.2.3"),
        f"images/{name}/Dockerfile.tmpl": base + 'RUN echo hello > /etc/hello\nCMD ["sleep", "1"]\n',
        f"images/{name}/test.yml.tpl": HELLO_TEST,
    }


def jar() -> bytes:
    """A Java archive that says nothing about itself; the lab's Java database knows lockage-lab-sample-1.0.jar."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("META-INF/MANIFEST.MF"), "Manifest-Version: 1.0\n")
    return out.getvalue()
