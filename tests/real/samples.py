"""Small images that build in seconds without a network, for tests that are about something else."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

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


# One file, so that the tools are done soon: listing and scanning a Debian takes most of the time of a test of tags.
_ONE_FILE = """\
FROM debian:bookworm-slim AS made
RUN echo hello > /etc/hello
FROM {base}
COPY --from=made /etc/hello /etc/hello
CMD ["sleep", "1"]
"""
_ONE_FILE_TEST = """\
schemaVersion: 2.0.0
fileContentTests:
  - name: says hello
    path: /etc/hello
    expectedContents: ["hello"]
metadataTest:
  cmd: ["sleep", "1"]
"""


def image(*tags: str, extra: str = "") -> str:
    """An image.yml with these tags."""
    return "tags:\n" + "".join(f"  - name: {tag}\n" for tag in tags) + extra


def hello(name: str = "hello", base: str = "scratch") -> dict[str, str]:
    """An image that passes: one file, a test of it and of metadata."""
    return _files(name, _ONE_FILE.format(base=base), _ONE_FILE_TEST)


def system(name: str = "hello", base: str = DEBIAN) -> dict[str, str]:
    """An image that passes, with programs and packages: a command test and a metadata test; others can stand on it."""
    return _files(name, base + 'RUN echo hello > /etc/hello\nCMD ["sleep", "1"]\n', HELLO_TEST)


def _files(name: str, dockerfile: str, test: str) -> dict[str, str]:
    return {
        f"images/{name}/image.yml": image("1.2.3"),
        f"images/{name}/Dockerfile.tmpl": dockerfile,
        f"images/{name}/test.yml.tpl": test,
    }


def jar() -> bytes:
    """A Java archive that says nothing about itself; the lab's Java database knows lockage-lab-sample-1.0.jar."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("META-INF/MANIFEST.MF"), "Manifest-Version: 1.0\n")
    return out.getvalue()


# Connects to all addresses at once, and fails with those that answer.
_KNOCK = """\
use Socket; use Fcntl;
for (@ARGV) {
    my ($host, $port) = /(.*):(.*)/;
    my $address = inet_aton($host) or next;
    socket(my $socket, PF_INET, SOCK_STREAM, 6) or die $!;
    fcntl($socket, F_SETFL, O_NONBLOCK);
    connect($socket, sockaddr_in($port, $address));
    $sockets{$_} = $socket;
}
sleep 4;
my @open = grep { getpeername $sockets{$_} } sort keys %sockets;
die "reached: @open\\n" if @open;
"""
_WAYS = {
    "default": "",
    "host": "--network=host ",
    "insecure": "--security=insecure ",
    "both": "--network=host --security=insecure ",
}


def knocking(addresses: Sequence[str]) -> dict[str, str]:
    """Images of every network and privilege that builds only if no address answers RUN, nor a test command."""
    places = " ".join(addresses)
    out = {}
    for name, option in _WAYS.items():
        out[f"images/{name}/image.yml"] = image("1.0.0", extra=f"description: {name}\n")
        out[f"images/{name}/Dockerfile.tmpl"] = (
            f"{DEBIAN}COPY <<'END' /knock.pl\n{_KNOCK}END\nRUN {option}perl /knock.pl {places}\n"
        )
    # A test command is in the engine's network, from which those of builds lead outside.
    others = [place for place in addresses if not place.startswith(("10.85.", "10.86."))]
    arguments = ", ".join(f'"{place}"' for place in ("/knock.pl", *others))
    out["images/default/test.yml.tpl"] = (
        "schemaVersion: 2.0.0\ncommandTests:\n"
        f"  - name: reaches nothing\n    command: perl\n    args: [{arguments}]\n    exitCode: 0\n"
    )
    return out


GRANTED = """\
entitlements:
  host: [network.host]
  insecure: [security.insecure]
  both: [network.host, security.insecure]
"""
"""What `knocking` needs in lockage.yml."""
