"""What is promoted in the benchmarks, and the commands of crane that do as much as crane can."""

from __future__ import annotations

import itertools
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.clock import Failed
from tests.tools import logins

if TYPE_CHECKING:
    from pipeline.model import Digest, Repository

IMAGE = "python"
RUN = secrets.token_hex(4)
"""In the name of every repository that is written, so that nothing of an earlier run is found in place."""
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Subject:
    """What is promoted: the index, the tags it shall have, and what refers to it and its platforms."""

    host: str
    path: str
    digest: Digest
    tags: tuple[str, ...]
    referrers: tuple[Digest, ...]

    def at(self, host: str) -> Repository:
        """Its repository, as seen through a host."""
        from pipeline.model import Repository

        return Repository(host, self.path)


def subject_of(result: dict) -> Subject:
    """The first image of that name in a run's result."""
    from pipeline.model import Reference

    image = next(i for i in result["images"] if i["image"] == IMAGE and i["promoted"])
    reference = Reference.parse(image["reference"])
    tags = tuple(t.rpartition(":")[2] for t in image["promoted"])
    assert reference.digest
    repository, digest = reference.repository, reference.digest
    return Subject(repository.host, repository.path, digest, tags, _referrers(repository, digest))


def _referrers(repository: Repository, digest: Digest) -> tuple[Digest, ...]:
    import anyio

    from pipeline.registry import Registry

    async def look() -> tuple[Digest, ...]:
        async with Registry(logins.access()) as registry:
            manifest = await registry.get_manifest(repository.at(digest))
            assert manifest
            subjects = [digest, *(child.digest for child in manifest.children)]
            return tuple([r.digest for one in subjects for r in await registry.referrers(repository, one)])

    return anyio.run(look)


def fresh(host: str) -> Repository:
    """A repository nobody has used."""
    from pipeline.model import Repository

    return Repository(host, f"bench/{RUN}/r{next(_numbers)}")


def crane_commands(crane: Path, host: str, subject: Subject, *, referrers: bool = False) -> list[list[str]]:
    """A copy under the first tag, a command for each further tag; with `referrers` a copy of each of them, whose
    digests crane has to be given, for it does not look for them."""
    to, source = fresh(host), subject.at(host)
    first, *others = subject.tags
    copied = str(to.tagged(first))
    return [
        [str(crane), "copy", str(source.at(subject.digest)), copied],
        *([str(crane), "tag", copied, tag] for tag in others),
        *([str(crane), "copy", str(source.at(d)), str(to.at(d))] for d in subject.referrers if referrers),
    ]


def run_quietly(argv: list[str]) -> None:
    """Run to the end; raises Failed with the last words."""
    done = subprocess.run(argv, env=logins.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(argv)}: exit {done.returncode}\n{done.stderr[-2000:]}")
