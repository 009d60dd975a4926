"""Mirrors on real registries: what is new comes, in few requests; what fails or is deleted changes nothing else."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest
from aiohttp import web

from pipeline.errors import RegistryError
from pipeline.model import Repository
from pipeline.registry import Registry
from pipeline.registry.copy.mirror import MirrorRule, RepositoryPattern, perform_mirror, plan_mirror
from tests.registry import images
from tests.registry.conftest import Program
from tests.registry.fault_proxy import faulty
from tests.tools import peers, warm

pytestmark = [pytest.mark.anyio, pytest.mark.real]

_names = itertools.count()


class Pair(NamedTuple):
    """The hosts of a source and its mirror; whether the source lists its repositories, which olareg does not."""

    source: str
    mirror: str
    lists: bool

    def texts(self, number: int, *names: str, source: str = "") -> list[str]:
        """The sources as they are written: a pattern, or each by its name."""
        return [f"{source or self.source}/m{number}/{name}" for name in (["*"] if self.lists else names)]

    def rules(
        self, number: int, *names: str, source: str = "", **patterns: tuple[str, ...]
    ) -> list[MirrorRule]:
        texts, to = self.texts(number, *names, source=source), f"{self.mirror}/copy{number}"
        return [MirrorRule(RepositoryPattern.parse(text), to, **patterns) for text in texts]


@pytest.fixture(params=["olareg", "distribution"])
def hosts(request: pytest.FixtureRequest) -> Pair:
    """From each of the servers to the other."""
    other = {"olareg": "distribution", "distribution": "olareg"}[request.param]
    source, mirror = request.getfixturevalue(request.param), request.getfixturevalue(other)
    return Pair(source, mirror, request.param == "distribution")


async def test_what_matches_is_copied_with_what_is_attached(
    hosts: Pair, registry: Registry, crane: Program
) -> None:
    number = next(_names)
    (source, mirror, _), app, other = hosts, images.image(f"app{number}"), images.image(f"other{number}")
    for name, image, tags in (("app", app, ("v1", "v1.0", "ci-1")), ("tool", other, ("v2",))):
        for tag in tags:
            await images.push(registry, Repository(source, f"m{number}/{name}"), image, tag)
    note = await images.attach(registry, Repository(source, f"m{number}/app"), app.index.descriptor, "note")
    await images.push(registry, Repository(source, f"n{number}/app"), other, "v1")
    wanted = hosts.rules(number, "app", "tool", tags=("v*", "ci-*"), excluded=("ci-*",))
    planned = await plan_mirror(registry, *wanted)
    copy = f"{mirror}/copy{number}"
    assert [str(tag.destination) for tag in planned] == [
        f"{copy}/app:v1",
        f"{copy}/app:v1.0",
        f"{copy}/tool:v2",
    ]
    assert [tag.before for tag in planned] == [None] * 3
    assert await registry.tags(Repository(mirror, f"copy{number}/app")) == [], "a plan writes nothing"
    result = await perform_mirror(registry, planned)
    assert result.moves == planned and not result.failed and result.referrers == 1
    there = Repository(mirror, f"copy{number}/app")
    assert [d.digest for d in await registry.referrers(there, app.index.digest)] == [note.digest]
    for name, image in (("app:v1", app), ("app:v1.0", app), ("tool:v2", other)):
        reference = f"{copy}/{name}"
        assert await crane("digest", reference) == str(image.index.digest)
        await crane("validate", "--remote", reference)
        argv = [peers.regctl(), "--host", f"reg={mirror},tls=disabled", "image", "digest", reference]
        assert await anyio.to_thread.run_sync(peers.run, *argv) == str(image.index.digest)


async def test_an_unchanged_tag_costs_one_request_to_each_registry(hosts: Pair, registry: Registry) -> None:
    number = next(_names)
    (source, mirror, _), image = hosts, images.image(f"unchanged{number}")
    repository, copied = Repository(source, f"m{number}/app"), Repository(mirror, f"copy{number}/app")
    for tag in ("1", "2", "3"):
        await images.push(registry, repository, image, tag)
    wanted = [MirrorRule(RepositoryPattern.parse(str(repository)), f"{mirror}/copy{number}")]
    await perform_mirror(registry, await plan_mirror(registry, *wanted))
    async with Registry() as new:
        planned = await plan_mirror(new, *wanted)
        assert not any(tag.moves for tag in planned)
        assert await perform_mirror(new, planned) == await perform_mirror(new, ())
        assert dict(new.stats.requests) == {"GET": 2, "HEAD": 6}, "two lists; three tags at either end"
    late = await images.attach(registry, repository, image.index.descriptor, "late")
    async with Registry() as new:  # a tag that is there already may get signatures
        await perform_mirror(new, await plan_mirror(new, *wanted))
        assert await new.referrers(copied, image.index.digest) == []
        await perform_mirror(new, await plan_mirror(new, *wanted), check=True)
        assert [d.digest for d in await new.referrers(copied, image.index.digest)] == [late.digest]


async def test_tags_move_as_in_the_source_and_deletions_stay_there(hosts: Pair, registry: Registry) -> None:
    number = next(_names)
    (source, mirror, _), old, new = hosts, images.image(f"old{number}"), images.image(f"new{number}")
    repository, copied = Repository(source, f"m{number}/app"), Repository(mirror, f"copy{number}/app")
    for tag in ("1", "latest"):
        await images.push(registry, repository, old, tag)
    wanted = hosts.rules(number, "app")
    await perform_mirror(registry, await plan_mirror(registry, *wanted))
    await images.push(registry, repository, new, "latest")
    await registry.delete(repository.at(old.index.digest))
    planned = await plan_mirror(registry, *wanted)
    assert [str(tag) for tag in planned] == [
        f"{copied}:latest  {old.index.digest.short} → {new.index.digest.short}"
    ]
    await perform_mirror(registry, planned)
    assert await registry.get_manifest(copied.tagged("1")) == old.index
    assert await registry.get_manifest(copied.tagged("latest")) == new.index


async def test_an_image_that_fails_keeps_no_other_from_being_copied(hosts: Pair, registry: Registry) -> None:
    number = next(_names)
    (source, mirror, _), good, bad = hosts, images.image(f"good{number}"), images.image(f"bad{number}")
    repository, copied = Repository(source, f"m{number}/app"), Repository(mirror, f"copy{number}/app")
    for image, tag in ((good, "good"), (bad, "bad")):
        await images.push(registry, repository, image, tag)
    async with faulty(source) as proxy:
        lost = str(bad.children[0].layers[0].digest)

        async def refuse(request: web.Request) -> web.StreamResponse | None:
            return web.Response(status=403) if lost in request.path else None

        proxy.gate = refuse
        wanted = hosts.rules(number, "app", source=proxy.host)
        result = await perform_mirror(registry, await plan_mirror(registry, *wanted))
        assert [tag.source.tag for tag in result.moves] == ["good"]
        assert list(result.failed) == [f"{copied}:bad"]
        assert await registry.tags(copied) == ["good"], "no tag of what is incomplete"
        proxy.gate = None
        result = await perform_mirror(registry, await plan_mirror(registry, *wanted))
        assert [tag.source.tag for tag in result.moves] == ["bad"] and not result.failed


async def test_registries_that_list_nothing_say_what_to_do(
    olareg: str, distribution: str, registry: Registry
) -> None:
    def rule(text: str, to: str = "localhost:1") -> MirrorRule:
        return MirrorRule(RepositoryPattern.parse(text), to)

    with pytest.raises(RegistryError, match="no repository matches") as none:
        await plan_mirror(registry, rule(f"{distribution}/nobody*"))
    assert "quote the pattern" in str(none.value.hint)
    with pytest.raises(RegistryError, match="does not list its repositories") as refused:
        await plan_mirror(registry, rule(f"{olareg}/a*"))
    assert "by its name" in str(refused.value.hint)
    with pytest.raises(RegistryError, match=r"a/x and .*/b/x would both be mirrored to localhost:1/x"):
        await plan_mirror(registry, rule(f"{olareg}/a/x"), rule(f"{distribution}/b/x"))
    with pytest.raises(RegistryError, match="mirrored to itself"):
        await plan_mirror(registry, rule(f"{olareg}/a/x", f"{olareg}/a"))


async def test_copies_are_not_mirrored_below_themselves(distribution: str, registry: Registry) -> None:
    number, host = next(_names), distribution
    await images.push(registry, Repository(host, f"m{number}/app"), images.image(f"self{number}"), "1")
    wanted = MirrorRule(RepositoryPattern.parse(f"{host}/m{number}/*"), f"{host}/m{number}/copy")
    for _ in range(2):
        planned = await plan_mirror(registry, wanted)
        assert [str(tag.destination) for tag in planned] == [f"{host}/m{number}/copy/app:1"]
        await perform_mirror(registry, planned)


async def lockage(folder: Path, *arguments: object, code: int = 0) -> warm.Ended:
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("LOCKAGE_", "CI"))}
    environ |= {"LOCKAGE_HOME": str(folder / "h"), "LOCKAGE_CACHE": str(folder / "c"), "HOME": str(folder)}

    def run() -> warm.Ended:
        return warm.run(list(map(str, arguments)), cwd=folder, env=environ)

    done = await anyio.to_thread.run_sync(run)
    assert done.code == code, done
    return done


async def test_plans_of_mirror_and_copy_are_saved_and_applied(
    hosts: Pair, registry: Registry, tmp_path: Path
) -> None:
    number = next(_names)
    (source, mirror, _), old, new = hosts, images.image(f"a{number}"), images.image(f"b{number}")
    repository, copied = Repository(source, f"m{number}/app"), Repository(mirror, f"copy{number}/app")
    await images.push(registry, repository, old, "1")
    commands = {
        "mirror": (*hosts.texts(number, "app"), f"{mirror}/copy{number}", "--tags", "1"),
        "copy": (repository.tagged("1"), copied.tagged("2")),
    }
    tags = {"mirror": "1", "copy": "2"}
    for command, arguments in commands.items():
        tag = tags[command]
        await images.push(registry, repository, old, "1")
        shown = await lockage(tmp_path, command, *arguments, "--plan")
        assert f"{copied}:{tag}" in shown.out
        await lockage(tmp_path, command, *arguments, "--plan-file", "plan.json")
        assert tag not in await registry.tags(copied), "a plan writes nothing"
        saved = json.loads((tmp_path / "plan.json").read_text())
        assert saved["command"] == command and saved["project"] == "" and saved["ledgers"] == {}
        assert saved["moves"] == [{"reference": f"{copied}:{tag}", "from": None, "to": str(old.index.digest)}]
        await images.push(registry, repository, new, "1")
        moved = await lockage(tmp_path, "apply", "plan.json", code=7)
        assert f"planned: nothing → {old.index.digest.short}" in moved.err
        assert tag not in await registry.tags(copied), "what was not planned is not done"
        await images.push(registry, repository, old, "1")
        await lockage(tmp_path, "apply", "plan.json")
        assert await registry.get_manifest(copied.tagged(tag)) == old.index
        again = await lockage(tmp_path, "apply", "plan.json", code=7)
        assert "now: no change" in again.err
    done = json.loads((await lockage(tmp_path, "mirror", *commands["mirror"], "--json")).out)
    assert done["moves"] == [] and done["unchanged"] == 1
    assert done["requests"] == 4 + hosts.lists, "two lists, one tag at either end; the catalogue"
    wrong = await lockage(tmp_path, "mirror", source, mirror, "--tags", "a/b", code=2)
    assert "is not a pattern of tags" in wrong.err
    wrong = await lockage(tmp_path, "mirror", f"{source}/UPPER*", mirror, code=2)
    assert "lower-case" in wrong.err
