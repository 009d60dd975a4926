"""Every feature of Dockerfiles, one small image each (tests/data/features): Lockage's image is the one that BuildKit
makes of the same Dockerfile with the same options, to the last bit, and what the Dockerfile reference demands."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.dockerfile.bases import final_base
from pipeline.dockerfile.instructions import scan
from pipeline.dockerfile.labels import labels_of
from pipeline.model import Platform
from pipeline.run.target.labels import image_labels, manifest_annotations
from tests.bench.builds.buildkit import Peer, running
from tests.real.conftest import commit
from tests.real.contents import Image
from tests.real.site import Site

from . import expectations, features, plain, served
from .plain import Built, Options

pytestmark = pytest.mark.real

EPOCH = 1_700_000_000  # older than any step of a build, so that every time it made becomes this one
EVERYTHING = {
    *("# syntax", "# escape", "# check"),
    *(
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
    ),
    *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR", "FROM --platform"),
    *(
        f"ADD --{flag}"
        for flag in ("checksum", "chmod", "chown", "exclude", "keep-git-dir", "link", "unpack")
    ),
    *(f"COPY --{flag}" for flag in ("chmod", "chown", "exclude", "from", "link", "parents")),
    *(f"RUN --{flag}" for flag in ("device", "mount", "network", "security")),
    *(f"HEALTHCHECK --{f}" for f in ("interval", "timeout", "start-period", "start-interval", "retries")),
    *(f"mount {kind}" for kind in ("bind", "cache", "secret", "ssh", "tmpfs")),
}
"""What BuildKit 0.32's Dockerfile reference has."""
TOKEN = "the features' secret"
DIFFERENT: Mapping[str, str] = {}
"""Features whose digest is another one than plain BuildKit's, and where that is documented."""


@dataclass(frozen=True)
class Project:
    """The catalogue as a checkout: its plan, and what `lockage generate` wrote."""

    root: Path
    revision: str
    plan: Mapping[str, Any]

    @property
    def dist(self) -> Path:
        """The contexts that plain BuildKit builds."""
        return self.root / "dist"

    def targets(self, feature: str) -> list[Mapping[str, Any]]:
        """The targets of a feature; most have one."""
        found = [target for target in self.plan["targets"] if target["image"] == feature]
        if not found and feature in features.names("served"):
            pytest.skip("this machine has no address but loopback's")
        assert found
        return found

    def dockerfile(self, target: Mapping[str, Any]) -> str:
        """A target's Dockerfile as it was generated."""
        return (self.dist / target["image"] / target["tag"] / "Dockerfile").read_text()

    def base_name(self, target: Mapping[str, Any]) -> str | None:
        """The image that the last stage of a target is based on, as its Dockerfile calls it; None for `scratch`."""
        platform, arguments = Platform.parse(target["platform"]), target["arguments"]
        use = final_base(self.dockerfile(target), platform, arguments)
        return use.name if use else None

    def qualified(self, target: Mapping[str, Any], name: str) -> str:
        """A base by the name that any registry client can resolve: an own image under its key."""
        [base] = {base.get("target", "") for base in target["bases"] if base["name"] == name}
        key = next((t["key"] for t in self.plan["targets"] if t["id"] == base), None)
        return f"localhost:5000/features/builds:{key}" if base else plain.DEBIAN

    def base_of(self, target: Mapping[str, Any], built: Mapping[str, Built], registry: str) -> Image | None:
        """The same as an image."""
        name = self.base_name(target)
        found = next((base for base in target["bases"] if base["name"] == name), None)
        if found is None:
            return None
        inside = found["kind"] == "internal"
        return Image(built[found["target"]].exact if inside else plain.mirrored(registry, plain.DEBIAN))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[features.Served | None]:
    """What ADD fetches from; None where this machine has no address but loopback's."""
    address = served.own_address()
    if address is None:
        yield None
        return
    with served.serving(tmp_path_factory.mktemp("served"), address) as found:
        yield found


@pytest.fixture(scope="module")
def catalogue(
    site: Site, server: features.Served | None, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """The features as a project of their own, planned and generated."""
    root = features.prepare(tmp_path_factory.mktemp("features") / "project", server)
    revision = commit(root)
    site.run("lock", cwd=root)  # or targets have no keys yet
    plan = site.run("plan", "--json", cwd=root).json
    site.run("generate", cwd=root)
    return Project(root, revision, plan)


@contextmanager
def daemon(site: Site, folder: Path) -> Iterator[Peer]:
    """Plain BuildKit on an empty state in `folder`, which reaches the site's registry."""
    with running(folder, int(site.registry.rpartition(":")[2]), dict(os.environ)) as peer:
        yield peer


@pytest.fixture(scope="module")
def by_buildkit(
    site: Site, catalogue: Project, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Built]:
    """Every target built by plain BuildKit, by id."""
    token = tmp_path_factory.mktemp("secrets") / "token"
    token.write_text(TOKEN)
    with daemon(site, tmp_path_factory.mktemp("peer")) as peer:
        repository, options = (
            f"{site.registry}/features/plain",
            _same_options(catalogue, {"tok": token}),
        )
        return plain.build_all(peer, catalogue.plan, catalogue.dist, repository, options)


@pytest.fixture(scope="module")
def by_lockage(site: Site, catalogue: Project) -> Mapping[str, Mapping[str, Any]]:
    """Every target built by `lockage build`, by id, as its JSON has it."""
    moment = {"SOURCE_DATE_EPOCH": str(EPOCH), "TZ": "UTC"}
    done = site.run("build", "--json", cwd=catalogue.root, expect=None, FEATURES_TOKEN=TOKEN, **moment)
    return {target["id"]: target for target in done.json["targets"]}


def _same_options(project: Project, secrets: Mapping[str, Path]) -> plain.Choose:
    """The options of a build of Lockage, for plain BuildKit: labels and annotations (docs/reproducible.md), build
    arguments, secrets."""
    oci = "org.opencontainers.image"
    created = datetime.fromtimestamp(EPOCH, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def choose(target: Mapping[str, Any], contexts: Mapping[str, str]) -> Options:
        platform, arguments = Platform.parse(target["platform"]), target["arguments"]
        found = labels_of(project.dockerfile(target), platform, arguments)
        own = {key: label.value for key, label in found.items()}
        known: Any = SimpleNamespace(labels=target["labels"], dockerfile_labels=own)
        moment = {f"{oci}.created": created, f"{oci}.revision": project.revision}
        base = {}
        if name := project.base_name(target):
            digest = contexts[plain.familiar(name)].partition("@")[2]
            base = {
                f"{oci}.base.name": project.qualified(target, name),
                f"{oci}.base.digest": digest,
            }
        notes = manifest_annotations(known, moment, base)
        return Options(
            epoch=EPOCH,
            platform=target["platform"],
            labels=image_labels(known, moment),
            annotations=notes,
            build_arguments=arguments,
            contexts=contexts,
            secrets={id: secrets[id] for id in target["secrets"]},
        )

    return choose


def test_catalogue_has_every_instruction_flag_and_directive() -> None:
    found: set[str] = set()
    for place in features.CATALOGUE.glob("*/*/Dockerfile*.tmpl"):
        dockerfile = scan(place.read_text())
        found |= {f"# {name}" for name in dockerfile.directives}
        for line in dockerfile.text.splitlines():
            words = line.split()
            keyword = words[0].upper() if words else ""
            flags = [word.lstrip("-").partition("=")[0] for word in words[1:] if word.startswith("--")]
            found |= {keyword, *(f"{keyword} --{flag}" for flag in flags)}
            found |= {f"mount {kind}" for kind in re.findall(r"--mount=\S*type=([a-z]+)", line)}
    assert not EVERYTHING - found


@pytest.mark.parametrize("feature", features.all_built())
def test_plain_buildkit_builds_it(feature: str, catalogue: Project, by_buildkit: Mapping[str, Built]) -> None:
    """The catalogue itself is right: whatever fails here is a mistake in tests/data/features."""
    for target in catalogue.targets(feature):
        built = by_buildkit[target["id"]]
        assert built.digest, built.error


@pytest.mark.parametrize("feature", features.all_built())
def test_same_image_as_plain_buildkit(
    feature: str,
    catalogue: Project,
    by_buildkit: Mapping[str, Built],
    by_lockage: Mapping[str, Mapping[str, Any]],
) -> None:
    for target in catalogue.targets(feature):
        ours, theirs = by_lockage[target["id"]], by_buildkit[target["id"]]
        assert ours["digest"], ours.get("error") or ours["reason"]
        if feature in DIFFERENT:
            assert ours["digest"] != theirs.digest, f"no longer different: {DIFFERENT[feature]}"
        else:
            assert ours["digest"] == theirs.digest


@pytest.mark.parametrize("feature", [n for n in features.all_built() if features.expectation(n)])
def test_image_is_what_the_reference_demands(
    feature: str, site: Site, catalogue: Project, by_buildkit: Mapping[str, Built]
) -> None:
    """Held against plain BuildKit's image, whose digest Lockage's has."""
    expected = features.expectation(feature)
    assert expected and set(expected) <= expectations.KEYS
    for target in catalogue.targets(feature):
        base = catalogue.base_of(target, by_buildkit, site.registry)
        image = Image(by_buildkit[target["id"]].exact)
        assert not expectations.differences(expected, image, base)


@pytest.mark.parametrize("feature", features.names("refused"))
def test_refused_by_plain_buildkit(feature: str, site: Site, refusals: Mapping[str, Built]) -> None:
    built = refusals[feature]
    assert built.digest is None
    assert features.refusal(feature).search(built.error), built.error


@pytest.mark.parametrize("feature", features.names("refused"))
def test_refused_by_lockage(feature: str, refused: Mapping[str, str]) -> None:
    assert refused[feature] in ("planned", "built")


@pytest.fixture(scope="module")
def refused(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What Lockage refuses of refused/, by name: to plan it, or in one run of what can be planned, to build it."""
    out, whole = dict.fromkeys(features.names("refused"), ""), tmp_path_factory.mktemp("refused")
    for name in out:
        root = features.prepare_refused(name, tmp_path_factory.mktemp(name) / "project")
        if site.run("plan", cwd=root, expect=None).code != 0:
            out[name] = "planned"
        else:
            shutil.copytree(root, whole, dirs_exist_ok=True)
    commit(whole)
    done = site.run("build", "--json", cwd=whole, expect=None)
    out |= {t["image"]: "built" for t in done.json["targets"] if t["status"] == "failed"}
    return out


@pytest.fixture(scope="module")
def refusals(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Built]:
    """What plain BuildKit makes of refused/, by name."""
    out: dict[str, Built] = {}
    with daemon(site, tmp_path_factory.mktemp("peer")) as peer:
        debian = f"docker-image://{plain.mirrored(site.registry, plain.DEBIAN)}"
        options = Options(EPOCH, contexts={"debian:bookworm-slim": debian})
        for name in features.names("refused"):
            root = features.prepare_refused(name, tmp_path_factory.mktemp(name) / "project")
            folder = root / "images" / name
            (folder / "Dockerfile.tmpl").rename(folder / "Dockerfile")
            reference = f"{site.registry}/features/refused/{name}:1"
            out[name] = Built(name, "1", reference, *plain.build(peer, folder, reference, options))
    return out
