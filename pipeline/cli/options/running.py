"""run and its stages, and promote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .common import command, locked, refs, running, snapshot, targets

_STAGES = {
    "build": "build targets and push them, by digest, to the repository of builds",
    "scan": "look for vulnerabilities and secrets in every target, and judge",
    "sbom": "list the packages of every target (CycloneDX, SPDX, syft)",
    "test": "run the structure tests of every target",
    "push": "bring what passed its gates to the first environment, as an index",
    "sign": "sign what was pushed, and attest its bill of materials and findings",
}


def add(commands: Any) -> None:
    """Register the commands of this group."""
    run = command(commands, "run", "run:run", "every stage for every target, up to a promotion")
    targets(run)
    running(run)
    locked(run)
    snapshot(run)
    refs(run)
    run.add_argument(
        "--to", metavar="ENV", help="environment to promote to (default: the second one in lockage.yml)"
    )
    for name, text in _STAGES.items():
        stage = command(commands, name, f"run:{name}", text)
        targets(stage)
        running(stage)
        locked(stage)
        snapshot(stage)
        if name in ("push", "sign"):
            refs(stage)
    manifest = command(
        commands, "manifest", "manifest:manifest", "merge the platforms that runners pushed into one index"
    )
    targets(manifest)
    locked(manifest)
    snapshot(manifest)
    manifest.add_argument(
        "--from",
        dest="files",
        action="append",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="files that --refs wrote (default: what the registry has by tag)",
    )
    manifest.add_argument(
        "--allow-missing", action="store_true", help="merge without the platforms that nobody pushed"
    )
    rebuild = command(
        commands,
        "rebuild",
        "rebuild:rebuild",
        "build once more what is known, and say whether the same comes out",
    )
    targets(rebuild)
    locked(rebuild)
    rebuild.add_argument("--compare", action="store_true", help="say where they differ")
    compare = command(
        commands, "compare", "rebuild:compare_images", "say in what two images differ, without an engine"
    )
    for side in ("before", "after"):
        compare.add_argument(side, metavar="IMAGE", help="HOST/NAME:TAG, HOST/NAME@sha256:… or oci:FOLDER")
    promote = command(commands, "promote", "promote:promote", "give a digest the tags of another environment")
    targets(promote)
    locked(promote)
    promote.add_argument(
        "--from", dest="origin", metavar="ENV", help="environment to take from (default: the first)"
    )
    promote.add_argument("--to", metavar="ENV", required=True, help="environment to promote to")
    promote.add_argument(
        "--revision", metavar="SHA", help="commit whose ci- tags to take (default: the current one)"
    )
    promote.add_argument("--plan", action="store_true", help="say what would be written, and write nothing")
