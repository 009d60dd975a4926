"""Builds that a test holds in the middle of a RUN, and lets go on."""

from __future__ import annotations

import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.real import samples
from tests.real.processes import Running, find, wait_to_find
from tests.real.site import ROOT, Done, Site

# A RUN that goes on until a test ends its `sleep`; in no cache, whatever ran here before.
HELD = samples.DEBIAN + f"RUN sleep 6{{number}} || echo {uuid.uuid4()} {{number}} > /etc/woken\n"


@contextmanager
def going(site: Site, root: Path, *arguments: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """`lockage` while it runs; killed where a test fails before its end."""
    process = subprocess.Popen(
        site.command(*arguments),
        cwd=root,
        env={**site.env, "PYTHONPATH": str(ROOT), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def end(process: subprocess.Popen[str], limit: float = 240) -> Done:
    """Wait for the end."""
    out, err = process.communicate(timeout=limit)
    return Done(process.returncode, out, err)


def held(*numbers: str) -> dict[str, str]:
    """Images whose RUN is held, one for each number; the first is called a."""
    out = {}
    for name, number in zip("abc", numbers, strict=False):
        out[f"images/{name}/image.yml"] = samples.image("1.0.0", extra=f"description: image {name}\n")
        out[f"images/{name}/Dockerfile.tmpl"] = HELD.format(number=number)
    return out


def sleeping(site: Site, *numbers: str, besides: list[Running] | None = None) -> list[Running]:
    """The `sleep` of each held RUN, once it is there."""
    return [wait_to_find(site, "sleep", f"6{n}", besides=besides)[0] for n in numbers]


def wake(processes: list[Running]) -> None:
    """Let held RUNs go on."""
    for process in processes:
        process.send(signal.SIGTERM)


def statuses(done: Done) -> dict[str, str]:
    """What became of each target."""
    return {t["id"].partition("/")[0]: t["status"] for t in done.json["targets"]}


def completes(site: Site, root: Path, *numbers: str) -> None:
    """The same command once more, to its good end."""
    with going(site, root, "build", "--json") as again:
        wake(sleeping(site, *numbers))
        done = end(again)
    assert done.code == 0, done.err
    assert set(statuses(done).values()) <= {"built", "reused"}


def quiet(site: Site) -> bool:
    """Whether nothing of BuildKit's runs: no daemon, no client, no RUN."""
    names = ("buildkitd", "buildctl", "runc", "sleep", "buildkit-runc")
    return not any(find(site, name) for name in names)
