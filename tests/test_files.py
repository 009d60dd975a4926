"""Files are opened, made and removed by `util/rooted.py`; who does it otherwise is listed here, with the reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.tools.source_trees import files, nodes

_OF_A_PATH = {
    *("open", "read_text", "read_bytes", "write_text", "write_bytes", "touch"),
    *("mkdir", "rmdir", "rename", "unlink", "symlink_to", "hardlink_to", "chmod", "lchmod"),
    *("iterdir", "glob", "rglob", "walk"),
}
_OF_A_MODULE = {
    "os": {
        *(
            "open",
            "mkdir",
            "makedirs",
            "rmdir",
            "removedirs",
            "rename",
            "renames",
            "replace",
            "unlink",
            "remove",
        ),
        *(
            "symlink",
            "link",
            "mkfifo",
            "mknod",
            "chmod",
            "chown",
            "truncate",
            "scandir",
            "listdir",
            "walk",
            "fwalk",
        ),
    },
    "shutil": {"rmtree", "move", "copy", "copy2", "copyfile", "copytree", "copymode", "unpack_archive"},
    "tempfile": {"*"},
    "anyio": {"open_file", "NamedTemporaryFile", "TemporaryFile", "TemporaryDirectory", "mkdtemp", "mkstemp"},
    "io": {"open", "open_code"},
}


def _direct(tree: ast.Module) -> Iterator[int]:
    """The lines of calls that reach for a file by its path."""
    modules, functions = {}, set()
    for node in nodes(tree, ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            modules |= {a.asname or a.name: a.name for a in node.names if a.name in _OF_A_MODULE}
        elif isinstance(node, ast.ImportFrom) and node.module in _OF_A_MODULE:
            wanted = _OF_A_MODULE[node.module]
            functions |= {a.asname or a.name for a in node.names if "*" in wanted or a.name in wanted}
    for node in nodes(tree, ast.Name, ast.Attribute, ast.Call):
        if isinstance(node, ast.Name) and (node.id in functions or node.id == "open"):
            if isinstance(node.ctx, ast.Load):
                yield node.lineno
        elif isinstance(node, ast.Attribute):
            of_module = isinstance(node.value, ast.Name) and modules.get(node.value.id)
            if of_module:
                if {"*", node.attr} & _OF_A_MODULE[of_module]:
                    yield node.lineno
            elif node.attr in _OF_A_PATH and not _is_no_path(node.value):
                yield node.lineno
        if (  # text.replace(a, b) has two arguments, path.replace(to) has one
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "replace"
            and len(node.args) == 1
            and not node.keywords
        ):
            yield node.lineno


def _is_no_path(value: ast.expr) -> bool:
    """Whether it has the name of a `RootedFolder`, or of something else whose `open` or `read_bytes` is no path's."""
    return ast.unparse(value).rpartition(".")[2] in {"folder", "self", "tarfile", "settings"}


# The rest of the disk: a file or a folder of the package, and why it may.
_MAY = {
    "util/rooted.py": "is the one that does",
    "util/private_folder.py": "makes and mends the folders of the user alone",
    "util/file_lock.py": "locks a file of a private folder, through no link",
    "util/scratch.py": "makes a folder with a random name in the cache",
    "catalogue/templating/bytecode.py": "checks its folder itself, more strictly: what is there is run",
    "plan/cache/fingerprint.py": "reads this program",
    "cli/completion/__init__.py": "reads this program",
    "cli/instance/signing_key.py": "reads a key that the command line names, through any link",
    "trust/keyless/github.py": "opens an address of the CI's, no path",
    "cli/instance/verification.py": "reads a trusted root that the command line names, through any link",
    "cli/instance/keyless.py": "reads the token's file, which Kubernetes has behind links",
    "cli/commands/run/manifest.py": "reads files that the command line names, through any link",
    "trust/kms/sign.py": "gives cosign a folder with a random name for what it reads and writes",
    "cli/commands/run/from_provenance.py": "has a commit in a folder with a random name, and removes its lock",
    "cli/planning/changed_names.py": "reads a file or pipe that the command line names",
    "cli/files/new_files.py": "removes the empty root that it made itself",
    "ci/generate.py": "reads this program",
    "ci/github.py": "reads the file that the CI names",
    "cli/instance/session.py": "removes old logs of the instance",
    "cli/reports/write.py": "adds to the summary that the CI names",
    "report/": "reads this program",
    "registry/auth/docker_config.py": "reads the configuration of the user",
    "registry/artifacts/": "reads files that the command line names, through any link",
    "registry/blobs/content.py": "reads files to push, which the command line names or this run wrote",
    "run/target/builder_config.py": "reads certificates that lockage.yml names",
    "run/scanners/grype_database.py": "downloads into a folder with a random name in the cache",
    "run/target/examination/scanner_data.py": "unpacks into a folder with a random name in the cache",
    "oci/layout": "reads layouts that the command line names, through no link; content is what its digest says",
    "oci/compare/": "keeps layers in a folder with a random name in the cache",
    "engine/head.py": "reads a checkout within the container of the Dagger module",
    "engine/session.py": "writes the log of a session into the instance's folder",
    "engine/buildkit/daemon.py": "reads this program",
    "engine/buildkit/localcache.py": "keeps a cache where lockage.yml says, anywhere on this machine",
    "lab/": "builds engine, tools and images in folders of its own below the home and the cache, which are private",
}


def _reason(name: str) -> str:
    return next((reason for place, reason in _MAY.items() if name.startswith(place)), "")


def test_only_the_listed_files_reach_for_paths() -> None:
    found = {name: sorted(set(_direct(tree))) for name, tree in files()}
    assert not {name: lines for name, lines in found.items() if lines and not _reason(name)}


def test_the_list_names_nobody_who_does_not() -> None:
    direct = [name for name, tree in files() if any(_direct(tree))]
    assert not [place for place in _MAY if not any(name.startswith(place) for name in direct)]


@pytest.mark.parametrize(
    "text",
    [
        "open('x')",
        "import os\nos.open('x', 0)",
        "import os as o\no.replace('a', 'b')",
        "from os import unlink\nunlink('x')",
        "import tempfile\ntempfile.mkstemp()",
        "from tempfile import NamedTemporaryFile as T\nT()",
        "import shutil\nshutil.rmtree(p)",
        "import anyio\nanyio.open_file(p)",
        "p.write_text('x')",
        "p.parent.mkdir()",
        "scratch.replace(target)",
        "run_sync(p.unlink)",
        "(root / 'x').read_bytes()",
    ],
)
def test_the_guard_sees(text: str) -> None:
    assert list(_direct(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        "text.replace('a', 'b')",
        "replace(value, field=1)",
        "folder.open('x')",
        "p.is_file()",
        "settings.read_bytes",
    ],
)
def test_the_guard_does_not_see(text: str) -> None:
    assert not list(_direct(ast.parse(text)))
