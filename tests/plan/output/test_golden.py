"""dist/ of whole catalogues, byte for byte, with modes and links; `golden.py` says how they are renewed."""

import os

import pytest

from pipeline.catalogue import read_source
from pipeline.plan import make_plan

from . import golden

pytestmark = pytest.mark.real  # runs the program


@pytest.fixture(scope="module", params=["examples", "own"])
def catalogue(request, tmp_path_factory):
    """A catalogue in a folder that a test may write beside."""
    return request.param, golden.on_disk(request.param, tmp_path_factory.mktemp(request.param) / "repo")


@pytest.mark.parametrize("snapshot", [None, "mr-123"])
def test_generate_gives_the_golden_tree(catalogue, snapshot, tmp_path):
    name, root = catalogue
    options = ("--snapshot-id", snapshot) if snapshot else ()
    done = golden.generate(root, tmp_path / "dist", *options)
    assert done.returncode == 0, done.stderr
    name = f"{name}-{snapshot}" if snapshot else name
    if os.environ.get("RENEW"):
        golden.renew(name, tmp_path / "dist")
    differs = golden.difference(golden.kept(name), golden.look(tmp_path / "dist"))
    assert not differs, f"dist/ of {name} is not what it was; if it should not be: {golden.RENEW}\n{differs}"
    again = golden.generate(root, tmp_path / "dist", "--check", *options)
    assert (again.returncode, again.stdout) == (0, "")


def test_a_difference_is_seen_and_shown(catalogue, tmp_path):
    name, root = catalogue
    golden.generate(root, tmp_path)
    texts = sorted(tmp_path.rglob("Dockerfile"))
    texts[0].write_text("FROM other:1\n" + "".join(texts[0].read_text().splitlines(keepends=True)[1:]))
    texts[1].chmod(0o600)
    link = next(p for p in tmp_path.rglob("*") if p.is_symlink())
    link.unlink()
    link.symlink_to("elsewhere")
    (tmp_path / "more").mkdir()
    shown = golden.difference(golden.kept(name), golden.look(tmp_path))
    for expected in ("+FROM other:1\n", "+link to elsewhere\n", "+file 0600\n", "+folder 0755\n"):
        assert expected in shown
    done = golden.generate(root, tmp_path, "--check")
    assert done.returncode == 3
    assert len(done.stdout.splitlines()) == 3  # a folder of others' is left alone


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """The plan of the examples."""
    return make_plan(read_source(golden.on_disk("examples", tmp_path_factory.mktemp("plan") / "repo")))


def test_the_plan_is_the_golden_one(examples):
    file, made = golden.GOLDEN / "examples.json", examples.to_json()
    if os.environ.get("RENEW"):
        file.write_text(made)
    differs = golden.difference({"plan": file.read_text()}, {"plan": made})
    assert not differs, f"the plan is not what it was; if it should not be: {golden.RENEW}\n{differs}"


def tags(plan, image):
    return {t.tag: t.tags for t in plan.targets if t.image == image and t.platform.architecture == "amd64"}


def test_the_aliases_of_the_description(examples):
    assert tags(examples, "dotnet") == {
        "9.0.100": ("9.0.100",),
        "9.0.200": ("9.0.200", "9.0"),
        "9.1.50": ("9.1.50", "9", "9.1"),
        "9.0.100-semantic": ("9.0.100-semantic",),
        "9.0.200-semantic": ("9.0.200-semantic", "9-semantic", "9.0-semantic"),
    }


def test_the_decision_table(examples):
    found = {
        (t.image, t.tag): ("COPY --chown=0:0 rootfs/ /" in t.dockerfile, bool(t.rootfs), bool(t.warnings))
        for t in examples.targets
        if t.image.endswith("-rootfs")
    }
    assert found == {
        ("without-rootfs", "1.0.0"): (False, False, False),
        ("without-rootfs", "2.0.0"): (False, False, False),
        ("with-rootfs", "1.0.0"): (True, True, False),
        ("with-rootfs", "2.0.0"): (False, True, True),
    }


def test_owners_come_from_the_nearest_level(examples):
    found = {
        t.tag: line.split()[1].removeprefix("--chown=")
        for t in examples.targets
        if t.image == "owners"
        for line in t.dockerfile.splitlines()
        if line.startswith("COPY")
    }
    assert found == {
        "1.0.0": "image:image",
        "1.0.0-inherits": "image:image",
        "1.0.0-of-variant": "variant:variant",
        "2.0.0": "version:version",
        "2.0.0-inherits": "version:version",
        "2.0.0-of-variant": "variant:variant",
        "2.1.0": "tag:tag",
        "2.1.0-inherits": "tag:tag",
        "2.1.0-of-variant": "variant:variant",
    }


def test_warnings(examples):
    found = {w for t in examples.targets for w in t.warnings}
    assert found == {
        "images/layers/rootfs/etc/.env looks like a secret and goes into the image",
        "images/layers/rootfs/var/empty is empty, and git does not record empty folders: a clone builds another image",
        "rootfs/ has content that nothing copies (rootfs_copy: false)",
        "the folder images/layers/more/rootfs/etc/link-to-folder replaces the link"
        " images/layers/rootfs/etc/link-to-folder -> folder",
    }
