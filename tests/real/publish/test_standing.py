"""A run with nothing to do asks for the tags that people use and little else; whatever differs is mended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

from pipeline.model import Reference
from pipeline.registry import Registry
from tests.real import samples
from tests.real.conftest import checkout
from tests.real.gates.test_gates import IGNORE
from tests.real.site import Site
from tests.real.tools import cosign, crane, tags
from tests.tools.git import commit
from tests.tools.logins import access
from tests.tools.signing.bundles import new_pair

pytestmark = pytest.mark.real

_BESIDE = 4  # the memory itself (manifest and content), its blob's redirect if any, the vulnerability data
_SIGNATURE = 2  # the referrer that the memory names, and its bundle


FLEET = {
    **samples.hello("one"),
    **samples.hello("two"),
    **samples.hello("three"),
    "images/two/image.yml": samples.image("1.2.3", "2.0.0-rc.1"),
}


@dataclass(frozen=True)
class Fleet:
    """Four image tags, one of them with aliases, and the result of the run that built them."""

    root: Path
    first: dict[str, Any]


@pytest.fixture(scope="module")
def fleet(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Built, signed and promoted once; each test leaves it so."""
    root = checkout(tmp_path_factory.mktemp("fleet") / "project", __name__, FLEET)
    return Fleet(root, site.run("run", "--json", cwd=root).json)


def promoted(found: dict[str, Any]) -> list[str]:
    """Every tag that people use."""
    return [reference for image in found["images"] for reference in image["promoted"]]


def builds(root: Path) -> str:
    """The repository of builds below the registry's host."""
    return next(
        line.split()[1] for line in (root / "lockage.yml").read_text().splitlines() if "builds:" in line
    )


def test_nothing_to_do_is_one_request_a_tag_and_two_a_signature(site: Site, fleet: Fleet) -> None:
    first = fleet.first
    second = site.run("run", "--json", cwd=fleet.root).json
    assert [t["digest"] for t in second["targets"]] == [t["digest"] for t in first["targets"]]
    assert [i["promoted"] for i in second["images"]] == [i["promoted"] for i in first["images"]]
    assert [i["index"] for i in second["images"]] == [i["index"] for i in first["images"]]
    assert all(i["signed"] for i in second["images"])
    signatures = _SIGNATURE * len(first["images"])
    assert second["registry_requests"] <= len(promoted(first)) + signatures + _BESIDE
    assert second["engine_used"] is False

    sha = commit(fleet.root, "nothing that is built")
    third = site.run("run", "--json", cwd=fleet.root).json
    written = [reference for image in third["images"] for reference in image["written"]]
    assert len(written) == 4 and all(f":ci-{sha}-" in reference for reference in written)
    assert third["engine_used"] is False


def test_a_tag_that_somebody_moved_is_drift_and_force_puts_it_back(site: Site, fleet: Fleet) -> None:
    first = fleet.first
    one, other = (next(i for i in first["images"] if i["image"] == name) for name in ("one", "three"))
    alias = next(r for r in one["promoted"] if r.endswith(":1"))
    crane("copy", f"{other['promoted'][0].rpartition(':')[0]}@{other['index']}", alias)
    assert crane("digest", alias) == other["index"]
    drifted = site.run("run", "--json", cwd=fleet.root, expect=7)
    assert not any(image["written"] for image in drifted.json["images"])
    assert f"{alias}  {one['index']} → {other['index']}, not ours" in drifted.err
    planned = site.run("promote", "one", "--to", "prod", "--plan", cwd=fleet.root, expect=7)
    assert f"{alias}  {one['index']} → {other['index']}, not ours" in planned.err
    forced = site.run("run", "--force", "--json", cwd=fleet.root)
    assert [r for i in forced.json["images"] for r in i["written"]] == [alias]
    assert f"{alias}  {other['index'][7:19]} → {one['index'][7:19]}" in forced.err
    assert crane("digest", alias) == one["index"]


def test_another_key_signs_again(site: Site, project: Callable[..., Path], tmp_path: Path) -> None:
    root = project(samples.hello("one"))
    site.run("run", cwd=root)
    pair = new_pair()
    (tmp_path / "cosign.pub").write_bytes(pair.public)
    keys = {
        "COSIGN_PRIVATE_KEY": pair.private.decode(),
        "COSIGN_PUBLIC_KEY": pair.public.decode(),
        "COSIGN_PASSWORD": pair.password,
    }
    found = site.run("run", "one", "--json", cwd=root, **keys).json
    reference = found["images"][0]["promoted"][0]
    verified = cosign("verify", "--key", str(tmp_path / "cosign.pub"), reference, root=tmp_path)
    assert verified.returncode == 0, verified.stderr


def test_a_memory_that_cannot_be_read_costs_requests_only(site: Site, project: Callable[..., Path]) -> None:
    root = project({**samples.hello("one"), **samples.hello("two")})
    first = site.run("run", "--json", cwd=root).json
    host = first["images"][0]["reference"].partition("/")[0]
    place = f"{host}/{builds(root)}"
    (tag,) = (t for t in crane("ls", place).splitlines() if t.startswith("standing-"))
    good = crane("digest", f"{place}:{tag}")
    key = next(t for t in crane("ls", place).splitlines() if t.endswith("-record"))
    crane("tag", f"{place}:{key}", tag)
    second = site.run("run", "--json", cwd=root).json
    assert [t["status"] for t in second["targets"]] == ["reused"] * 2
    assert not any(i["written"] for i in second["images"])
    assert crane("digest", f"{place}:{tag}") == good, "it is written again as it was"


def test_newer_vulnerability_data_is_attested_beside_the_older(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project(samples.hello())
    first = site.run("run", "--json", cwd=root).json
    digest, index = first["targets"][0]["digest"], first["images"][0]["promoted"][0]
    production, whole = index.rpartition(":")[0], crane("digest", index)
    assert [findings(site, production, each, tmp_path) for each in (digest, whole)] == [1, 1]

    anyio.run(renewed, f"{site.registry}/mirror/ghcr.io/aquasecurity/trivy-db")
    text = (root / "lockage.yml").read_text()
    (root / "lockage.yml").write_text(text + "vulnerability_db: ghcr.io/aquasecurity/trivy-db:renewed\n")
    commit(root, "newer data")
    second = site.run("run", "--json", cwd=root).json
    assert second["targets"][0]["digest"] == digest and second["targets"][0]["status"] == "reused"
    both = [findings(site, production, each, tmp_path) for each in (digest, whole)]
    assert both == [2, 2], "the promoted image and its index bear them as well"
    third = site.run("run", "--json", cwd=root).json
    assert third["engine_used"] is False


def findings(site: Site, repository: str, digest: str, scratch: Path) -> int:
    """How many lists of findings cosign accepts on a digest."""
    key = str(site.data / "keys" / "cosign.pub")
    done = cosign(
        *("verify-attestation", "--type", "vuln", "--key", key, f"{repository}@{digest}"), root=scratch
    )
    assert done.returncode == 0, done.stderr
    return len([line for line in done.stdout.splitlines() if line.strip()])


async def renewed(repository: str) -> None:
    """The vulnerability data under another digest, as a publisher's next edition of it."""
    async with Registry(access()) as registry:
        found = await registry.get_manifest(Reference.parse(f"{repository}:2"))
        assert found
        data = json.loads(found.raw)
        data["annotations"] = {**data.get("annotations", {}), "org.example.edition": "next"}
        repo = Reference.parse(repository).repository
        await registry.put_manifest(repo, json.dumps(data).encode(), found.media_type, tag="renewed")


def test_two_halves_of_different_keys_attach_nothing(site: Site, project: Callable[..., Path]) -> None:
    one, other = new_pair(), new_pair()
    keys = {
        "COSIGN_PRIVATE_KEY": one.private.decode(),
        "COSIGN_PUBLIC_KEY": other.public.decode(),
        "COSIGN_PASSWORD": one.password,
    }
    done = site.run("run", "two", "--json", cwd=project(FLEET), expect=2, **keys)
    assert "does not belong to the public key" in done.err
    assert not any(image["written"] for image in done.json["images"])


def test_findings_that_close_a_gate_later_are_told_where_the_image_is(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    """The digest was promoted while its finding was ignored; newer data without the ignore closes the gate."""
    root = project(
        {
            "images/weak/image.yml": samples.image("1.0.0"),
            "images/weak/Dockerfile.tmpl": samples.DEBIAN + samples.VULNERABLE_CURL,
        },
        more=IGNORE.format(expires="2999-12-31"),
    )
    first = site.run("run", "--json", cwd=root).json
    digest, production = first["targets"][0]["digest"], first["images"][0]["promoted"][0].rpartition(":")[0]
    before = tags(production)
    anyio.run(renewed, f"{site.registry}/mirror/ghcr.io/aquasecurity/trivy-db")
    plain = (root / "lockage.yml").read_text().partition("policy:")[0]
    (root / "lockage.yml").write_text(plain + "vulnerability_db: ghcr.io/aquasecurity/trivy-db:renewed\n")
    commit(root, "newer data")
    second = site.run("run", "--json", cwd=root, expect=7).json
    assert second["targets"][0]["status"] == "closed" and not second["images"][0]["promoted"]
    assert findings(site, production, digest, tmp_path) == 2
    assert tags(production) == before
