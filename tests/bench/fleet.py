"""A fleet of a hundred targets with nothing to do: requests for each, and time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .clock import Command, cpu, in_turns, wall
from .figures import Figure
from .stand import Stand

_IMAGES = 50
_PLATFORMS = ("linux/amd64", "linux/arm64")
_STATUS = (
    "Package: fleet\nStatus: install ok installed\nPriority: optional\nSection: misc\n"
    "Maintainer: nobody <nobody@example.org>\nArchitecture: all\nVersion: 1.{number}-1\n"
    "Description: one package, so that there is something to list\n\n"
)
_LOOK = """
import subprocess, sys
crane, *references = sys.argv[1:]
for reference in references:
    subprocess.run([crane, "digest", reference], check=True, stdout=subprocess.DEVNULL)
"""


def measure(stand: Stand) -> list[Figure]:
    """Built, judged, signed and promoted once; then unchanged, in turns with `crane digest` of each tag."""
    home, root = stand.home("fleet"), stand.scratch / "fleet-catalogue"
    _catalogue(root)
    targets = _IMAGES * len(_PLATFORMS)
    stand.say(f"{targets} targets for the first time; ten minutes and more")
    first = home.command("run", "--json", cwd=root).run()
    home.command("down", "engine").run()
    references = [reference for image in json.loads(first.out)["images"] for reference in image["promoted"]]
    stand.say(f"{targets} targets with nothing to do, {stand.rounds} rounds")
    look = Command([sys.executable, "-c", _LOOK, stand.tool("crane"), *references], home.env, stand.scratch)
    found = in_turns({"again": home.command("run", "--json", cwd=root), "look": look}, stand.rounds)
    last = json.loads(found["again"][-1].out)
    woken = last["engine_used"] or home.status()["engine"]["state"] == "running"
    return [
        Figure(
            f"{targets} targets, first time",
            first.seconds,
            cpu=first.cpu,
            note=f"once; two files each, no RUN; {json.loads(first.out)['registry_requests']} requests",
        ),
        Figure(
            f"{targets} targets, unchanged",
            wall(found["again"]),
            wall(found["look"]),
            f"crane digest x{len(references)}, in a row",
            goal=2.0,
            absolute=True,
            cpu=cpu(found["again"]),
            peer_cpu=cpu(found["look"]),
            note=f"the engine was {'WOKEN' if woken else 'not woken'}",
        ),
        Figure(
            f"{targets} targets, unchanged: requests",
            last["registry_requests"],
            targets,
            "targets",
            unit="requests",
            goal=1.0,
            note=f"{len(references)} tags that people use; the ratio is requests a target",
        ),
    ]


def _catalogue(root: Path) -> None:
    """Images of two platforms each, with a tag of a shape that has no aliases."""
    files = {
        "lockage.yml": (
            "version: 1\nproject: fleet\nenvironments:\n"
            '  - {name: dev, repository: "fleet/dev/{image}"}\n'
            '  - {name: prod, repository: "fleet/prod/{image}", promote: automatic}\n'
            f"builds: fleet/builds\nplatforms: [{', '.join(_PLATFORMS)}]\n"
        )
    }
    for number in range(_IMAGES):
        folder = f"images/fleet-{number:02}"
        files |= {
            f"{folder}/image.yml": "tags: [edition]\n",
            f"{folder}/Dockerfile.tmpl": 'FROM scratch\nCMD ["/none"]\n',
            f"{folder}/rootfs/var/lib/dpkg/status": _STATUS.format(number=number),
            f"{folder}/rootfs/etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
            f"{folder}/rootfs/etc/debian_version": "12.12\n",
        }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    commit = [
        "-c",
        "user.name=b",
        "-c",
        "user.email=b@example.org",
        "commit",
        "--quiet",
        "--message",
        "fleet",
    ]
    subprocess.run(["git", "-C", str(root), "add", "--all"], check=True)
    subprocess.run(["git", "-C", str(root), *commit], check=True)
