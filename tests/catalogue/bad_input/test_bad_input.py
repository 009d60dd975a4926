"""Bad input gets one clear error with its place, changes nothing, and ends with exit code 3."""

import json
import os

import pytest

from pipeline.cli import main
from tests.catalogue.sample import ROOT
from tests.plan.output.golden import look
from tests.tools import warm

from .good import FROM, GOOD, HEAD, TMPL, YML, Special, put
from .rows import FOLDERS, ROWS, WRITTEN
from .templates import TEMPLATES


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    """A folder for a catalogue, and a cache of the test's own."""
    for name in [n for n in os.environ if n.startswith(("LOCKAGE_", "GITHUB_", "CI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LOCKAGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCKAGE_HOME", str(tmp_path / "home"))
    return tmp_path / "repo"


def run(capsys, root, *arguments):
    """Exit code, data and story of the program."""
    code = main(["-C", str(root), *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def listing(root):
    """Every path with its content, where it has one; pipes are not opened."""
    regular = {p: p.read_bytes() for p in root.rglob("*") if p.is_file() and not p.is_symlink()}
    return sorted(map(os.fsencode, root.rglob("*"))), regular


@pytest.mark.parametrize("name", ROWS)
def test_one_mistake_one_error(name, catalogue, capsys):
    changes, expected = ROWS[name]
    try:
        put(catalogue, changes)
    except PermissionError:
        pytest.skip("only root makes devices")
    before = listing(catalogue)
    code, out, err = run(capsys, catalogue, "generate")
    head, problem, hint = err.splitlines()
    assert (code, out, head) == (3, "", "error: 1 problem in the configuration")
    assert problem.removeprefix("  ").removeprefix(f"{catalogue}/") == expected
    assert hint.startswith("next: `lockage ")
    assert listing(catalogue) == before


def test_the_good_one_is_good(catalogue, capsys):
    put(catalogue, {})
    code, _, err = run(capsys, catalogue, "generate")
    assert (code, err.splitlines()[-1].split(",")[0]) == (0, "2 files")
    assert look(catalogue / "dist/app")["1.0.0/Dockerfile"].endswith("RUN install 22.1.0\n")


def test_every_row_has_its_own_words():
    messages = [expected.partition(": ")[2] for _, expected in ROWS.values()]
    assert len(ROWS) == len(WRITTEN) + len(TEMPLATES) + len(FOLDERS) > 70
    assert all(messages)


def test_a_project_that_is_not_there(catalogue, capsys):
    put(catalogue, {"lockage.yml": None})
    code, _, err = run(capsys, catalogue, "generate")
    assert code == 3
    assert err.splitlines()[1:] == [
        f"  {catalogue}/lockage.yml: is missing",
        "next: lockage init starts a catalogue here, -C DIR looks in another folder",
    ]


@pytest.mark.parametrize(("link", "output"), [("dist", "dist"), ("build", "build/dist")])
def test_an_output_that_a_link_in_the_checkout_leads_to(link, output, catalogue, capsys, tmp_path):
    put(catalogue, {})
    victim = tmp_path / "victim"
    victim.mkdir()
    (catalogue / link).symlink_to(victim)
    for arguments in ([], ["--check"]):
        code, out, err = run(capsys, catalogue, "generate", "--output", output, *arguments)
        assert (code, out) == (4, "")
        assert err.startswith(f"error: {catalogue}/{link} is a symbolic link\nnext: remove it, ")
    assert list(victim.iterdir()) == []


SEVERAL = {
    "lockage.yml": GOOD["lockage.yml"] + "polcy: {}\nregistry: 'http://x'\n",
    "images/base/image.yml": "tags: [2025.09, 2025/10]\nplatforms: [linux/sparc]\n",
    YML: HEAD + "tags: [1.0.0, 1.0.0]\n",
    TMPL: FROM + "RUN {{ versions.nod }}\n",
    "images/app/rootfs/pipe": Special("fifo"),
    "images/tool/image.yml": "tags: [1.0.0\n",
    "images/tool/Dockerfile.tmpl": "FROM nowhere:1\n",
}


def test_all_mistakes_of_all_files_are_told_at_once(catalogue, capsys):
    put(catalogue, SEVERAL)
    code, out, err = run(capsys, catalogue, "plan", "--json")
    assert code == 3
    result = json.loads(out)
    assert result["exit_code"] == 3
    problems = result["error"]["problems"]
    assert [(p["path"], p.get("line"), p["key"]) for p in problems] == [
        (TMPL, 2, ""),
        (YML, 2, "tags[1]"),
        ("images/app/rootfs/pipe", None, ""),
        ("images/base/image.yml", 1, "tags[1].name"),
        ("images/base/image.yml", 2, "platforms[0]"),
        ("images/tool/image.yml", 2, ""),
        ("lockage.yml", 4, "polcy"),
        ("lockage.yml", 5, "registry"),
    ]
    assert [p["suggestion"] for p in problems if p["key"] == "polcy"] == ["did you mean policy?"]
    assert err.splitlines()[0] == "error: 8 problems in the configuration"
    assert not (catalogue / "dist").exists()


def test_links_are_kept_as_they_are_and_never_followed(catalogue, capsys, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("not to be read\n")
    (outside / "secret").chmod(0)
    links = {"up": "../../../../outside/secret", "absolute": str(outside), "loop": "loop", "gone": "no/where"}
    put(
        catalogue,
        {f"images/app/rootfs/etc/{name}": Special("link", target) for name, target in links.items()},
    )
    code, _, _ = run(capsys, catalogue, "generate")
    assert code == 0
    made = catalogue / "dist/app/1.0.0/rootfs/etc"
    assert {p.name: str(p.readlink()) for p in made.iterdir()} == links
    assert "not to be read" not in "".join(look(catalogue / "dist").values())


@pytest.mark.parametrize("name", [".env", "tls.key", "ca.pem", "id_ed25519", ".npmrc", "credentials.json"])
def test_what_looks_like_a_secret_is_a_warning(name, catalogue, capsys):
    put(catalogue, {f"images/app/rootfs/srv/{name}": "x\n"})
    code, _, err = run(capsys, catalogue, "generate")
    assert code == 0
    assert (
        f"warning: app/1.0.0/linux-amd64: images/app/rootfs/srv/{name} looks like a secret and goes into the image"
        in err.splitlines()
    )


@pytest.mark.real  # runs the program
@pytest.mark.parametrize(
    "name", ["an unknown key", "a loop without end", "a bomb", "a cycle", "a pipe", "not UTF-8"]
)
def test_the_program_says_the_same(name, catalogue):
    changes, expected = ROWS[name]
    put(catalogue, changes)
    before = listing(catalogue)
    for command in (["generate"], ["plan"], ["graph"], ["generate", "--check"]):
        done = warm.run(["-C", str(catalogue), *command], cwd=ROOT, env=os.environ)
        assert (done.code, done.out) == (3, "")
        assert done.err.splitlines()[1] == f"  {expected}"
        assert listing(catalogue) == before
