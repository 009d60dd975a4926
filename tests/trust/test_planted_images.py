"""Images with signatures in the wrong places, in a registry and in a layout: what `verify --rules` refuses, what it
accepts, and cosign's answers beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.model import Descriptor, Manifest, Reference, Repository
from pipeline.model.descriptor import OCI_INDEX
from pipeline.oci.layout import Layout
from pipeline.registry import Registry, pull_layout
from pipeline.trust import SIGNATURE, Statement, attach
from pipeline.trust.attach import referrer_manifest
from pipeline.util.json.canonical import compact
from tests.registry import images
from tests.tools import warm
from tests.tools.peers import regctl
from tests.tools.ports import free_port
from tests.tools.programs import program
from tests.tools.signing.bundles import KEY, OTHER_KEY, public, signed

pytestmark = [pytest.mark.real, pytest.mark.anyio]

RULES = 'verify: [{images: ["**"], signers: [{key: release.pub}]}]'


@dataclass(frozen=True)
class Case:
    """An index of two platforms, and who has signed what: INDEX and the numbers of its children.

    `refused` is the subject that has no signature, empty where the image meets the rules; `index` is whether the
    index by itself is signed, which is all that `cosign verify` and `verify --key` look at.
    """

    signed: frozenset[str]
    refused: str = ""
    index: bool = True
    key: object = KEY


ALL = frozenset({"index", "0", "1"})
CASES: Mapping[str, Case] = {
    "signed": Case(ALL),
    "index-alone": Case(frozenset({"index"}), "linux/amd64"),
    "one-child-not": Case(ALL - {"1"}, "linux/arm64"),
    "children-alone": Case(ALL - {"index"}, "index", index=False),
    "nothing": Case(frozenset(), "index", index=False),
    "by-a-stranger": Case(ALL, "index", index=False, key=OTHER_KEY),
}


def bundle(subject: Descriptor, key: object = KEY) -> bytes:
    return signed(Statement(subject.digest, SIGNATURE, {}).to_json(), key)  # type: ignore[arg-type]


async def publish(registry: Registry, repository: Repository, case: Case) -> images.Image:
    """The image of a case, tagged 1."""
    image = images.image(str(repository), layers=1)
    await images.push(registry, repository, image, "1")
    subjects = {"index": image.index.descriptor}
    subjects |= {str(number): child.descriptor for number, child in enumerate(image.children)}
    for name in sorted(case.signed):
        subject = subjects[name]
        await attach(registry, repository, subject, bundle(subject, case.key), created=0)
    return image


async def replace_child(registry: Registry, repository: Repository, image: images.Image) -> None:
    """The tag now names an index with another second platform. Every signature is there, that of the index as a
    referrer of the new one too, and so are those of the child that is no longer listed."""
    other = images.image(f"{repository} replaced", layers=1)
    await images.push(registry, repository, other)
    children = [image.index.children[0], other.index.children[1]]
    data = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child.to_oci() for child in children]}
    index = await registry.put_manifest(repository, compact(data), OCI_INDEX, tag="1")
    old = image.index.descriptor
    signature = bundle(old)
    await registry.put_blob(repository, signature)
    moved = referrer_manifest(index, signature, SIGNATURE, 0)
    await registry.put_manifest(repository, moved.raw, moved.media_type)


class Judges:
    """Both programs with the key, on a machine with nothing on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = folder / "release.pub"
        self.key.write_bytes(public())
        (folder / "rules.yml").write_text(RULES)
        self.environ = {name: text for name, text in os.environ.items() if not name.startswith("LOCKAGE_")}
        self.environ |= {
            "HOME": str(folder),
            "LOCKAGE_HOME": str(folder / "h"),
            "LOCKAGE_CACHE": str(folder / "c"),
        }

    def verify(self, *arguments: str | Path) -> warm.Ended:
        return warm.run(["verify", *map(str, arguments)], cwd=self.folder, env=self.environ)

    def by_rules(self, image: str, *more: str | Path) -> tuple[int, set[str], warm.Ended]:
        """The exit code, and the subjects that do not meet the rules."""
        done = self.verify("--rules", "rules.yml", "--json", image, *more)
        (found,) = json.loads(done.out) if done.out else ({"subjects": []},)
        unmet = {s["subject"] for s in found["subjects"] if not all(check["passed"] for check in s["checks"])}
        return done.code, unmet, done

    def cosign(self, image: str) -> bool:
        argv = [program("cosign"), "verify", "--key", self.key, "--private-infrastructure"]
        argv += ["--allow-http-registry", image]
        done = subprocess.run(argv, env=self.environ, capture_output=True, text=True, check=False)
        return done.returncode == 0

    def carry(self, image: str, folder: Path) -> None:
        """Copy an image with its referrers to a layout, by regctl."""
        host = image.partition("/")[0]
        argv = [regctl(), "--host", f"reg={host},tls=disabled", "image", "copy", "--referrers", image]
        argv.append(f"ocidir://{folder}:1")
        subprocess.run(argv, env=self.environ, capture_output=True, check=True)


@pytest.fixture
def judges(tmp_path: Path) -> Judges:
    """Both programs."""
    return Judges(tmp_path)


async def test_rules_look_at_the_index_and_at_every_platform(
    registry: Registry, olareg: str, judges: Judges
) -> None:
    """Cosign and `verify --key` answer for the reference alone; asked for each child, cosign finds the same."""
    for name, case in CASES.items():
        repository = Reference.parse(f"{olareg}/planted/{name}").repository
        image = await publish(registry, repository, case)
        code, unmet, done = judges.by_rules(f"{repository}:1")
        assert (code == 0, case.refused in unmet) == (not case.refused, bool(case.refused)), (name, done)
        plain = judges.verify("--key", judges.key, f"{repository}:1").code
        assert (plain == 0, judges.cosign(f"{repository}:1")) == (case.index, case.index), name
        own = case.key is KEY
        for number, child in enumerate(image.children):
            signed_child = own and str(number) in case.signed
            if 0 < len(case.signed) < len(ALL):
                assert judges.cosign(str(repository.at(child.digest))) == signed_child, (name, number)
            assert (("linux/amd64", "linux/arm64")[number] in unmet) == (not signed_child), (name, done)


async def test_a_replaced_child_is_refused_whatever_is_attached(
    registry: Registry, olareg: str, judges: Judges
) -> None:
    repository = Reference.parse(f"{olareg}/planted/replaced").repository
    image = await publish(registry, repository, CASES["signed"])
    before = str(repository.at(image.index.digest))
    await replace_child(registry, repository, image)
    code, unmet, done = judges.by_rules(f"{repository}:1")
    assert (code, unmet) == (7, {"index", "linux/arm64"}), done
    assert "its subject is" in done.out  # the moved signature is reported
    assert judges.verify("--key", judges.key, f"{repository}:1").code == 7
    assert not judges.cosign(f"{repository}:1")
    assert judges.by_rules(before)[0] == 0 and judges.cosign(before)


async def test_a_layout_is_verified_without_a_request(
    registry: Registry, olareg: str, judges: Judges, tmp_path: Path
) -> None:
    """Carried by our own copy, with referrers in its index, and by regctl, with fallback tags; under the name that the
    image had, at a registry that no longer is there."""
    gone = f"127.0.0.1:{free_port()}"
    for name, case in CASES.items():
        repository = Reference.parse(f"{olareg}/carried/{name}").repository
        image = await publish(registry, repository, case)
        ours, theirs = tmp_path / "ours" / name, tmp_path / "theirs" / name
        ours.parent.mkdir(exist_ok=True)
        await pull_layout(registry, repository, image.index.digest, ours, name="1")
        judges.carry(f"{repository}:1", theirs)
        for folder in (ours, theirs):
            for reference in (f"{gone}/carried/{name}:1", f"{gone}/carried/{name}@{image.index.digest}"):
                code, unmet, done = judges.by_rules(reference, "--layout", folder)
                assert (code == 0, case.refused in unmet) == (not case.refused, bool(case.refused)), done
            plain = judges.verify("--key", judges.key, "--layout", folder, f"{gone}/carried/{name}:1")
            assert (plain.code == 0) == case.index, plain


async def test_a_layout_is_believed_in_nothing(
    registry: Registry, olareg: str, judges: Judges, tmp_path: Path
) -> None:
    repository = Reference.parse(f"{olareg}/carried/changed").repository
    image = await publish(registry, repository, CASES["signed"])
    true = tmp_path / "true"
    await pull_layout(registry, repository, image.index.digest, true, name="1")
    reference, key = "registry.invalid/app:1", ("--key", judges.key)

    def changed(name: str) -> Path:
        shutil.copytree(true, tmp_path / name)
        return tmp_path / name

    layer = next(blob for blob in image.blobs if blob.media_type.endswith("gzip"))
    child = image.children[1]
    for name, digest in {"layer": layer.digest, "child": child.digest, "index": image.index.digest}.items():
        folder = changed(f"changed {name}")
        path = folder / "blobs" / "sha256" / digest.hex
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        done = judges.verify(*key, "--layout", folder, reference)
        assert done.code == 5 and digest.hex in done.err, (name, done)
        path.unlink()
        assert judges.verify(*key, "--layout", folder, reference).code == 5, name

    # The name on another, unsigned image; on two; on none that is there.
    folder = changed("renamed")
    other = images.image("another", layers=1)
    images.layout(folder, other, "1")
    done = judges.verify(*key, "--layout", folder, reference)
    assert done.code == 7 and "it has no signature" in done.err, done
    layout = Layout(folder)
    layout.add(Descriptor(OCI_INDEX, image.index.digest, len(image.index.raw), annotations={_FULL: "1"}))
    assert "several images" in judges.verify(*key, "--layout", folder, reference).err
    assert "does not exist" in judges.verify(*key, "--layout", true, "registry.invalid/app:2").err

    done = judges.verify(*key, "--layout", tmp_path / "nowhere", reference)
    assert done.code == 5 and "is not an OCI image layout" in done.err
    assert judges.verify("--layout", true).code == 2
    assert judges.verify("--layout", true, reference, "--env", "prod").code == 2


_FULL = "io.containerd.image.name"


async def test_a_rule_that_would_say_nothing_is_a_mistake(judges: Judges) -> None:
    """Before anything is requested, so that no image passes for lack of a rule."""
    for rules, problem in {
        "signers: []": "the list is empty",
        "signers: [{identity: '', issuer: b}]": "is empty",
        "signers: [{identity_regexp: acme, issuer: b}]": "is not anchored",
        "provenance: {branches: []}": "the list is empty",
        "attestations: []": "the list is empty",
    }.items():
        (judges.folder / "rules.yml").write_text(f'verify: [{{images: ["**"], {rules}}}]')
        done = judges.verify("--rules", "rules.yml", f"127.0.0.1:{free_port()}/app:1")
        assert done.code == 3 and problem in done.err, (rules, done)


def test_manifests_of_the_cases_differ() -> None:
    """Or one signature would do for several."""
    assert len({Manifest.parse(images.image(name, layers=1).index.raw).digest for name in CASES}) == len(
        CASES
    )
