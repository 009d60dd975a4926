"""From nothing, or from plain Dockerfiles, to images: `init` and `import`, and what they wrote really built."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.real.site import ROOT, Site
from tests.real.tools import crane, tags
from tests.tools.git import commit

pytestmark = pytest.mark.real


def test_a_first_catalogue_builds_tests_signs_and_promotes_as_it_stands(site: Site, tmp_path: Path) -> None:
    root = tmp_path / "first"
    root.mkdir()
    site.run("init", cwd=root)
    result = site.run("run", "--json", cwd=root).json
    assert [(t["id"], t["status"]) for t in result["targets"]] == [
        ("base/1.0.0/linux-amd64", "built"),
        ("app/0.1.0/linux-amd64", "built"),
    ]
    assert all(v["passed"] for t in result["targets"] for v in t["verdicts"])
    assert all(t["tests"] == {"passed": 2, "total": 2} for t in result["targets"])
    assert all(i["signed"] and i["promoted"] for i in result["images"])
    assert tags(f"{site.registry}/first/staging/app") == {"0.1.0", "0.1", "0"}
    assert tags(f"{site.registry}/first/prod/app") == set(), "it is written by name only"
    site.run("verify", f"{site.registry}/first/staging/app:0.1.0", cwd=root)


@pytest.mark.parametrize("kind", ["image", "variant", "project", "lock", "plan"])
def test_schemas_are_printed(site: Site, kind: str) -> None:
    printed = site.run("schema", kind)
    Draft202012Validator.check_schema(printed.json)
    assert printed.out == (ROOT / f"docs/schemas/{kind}.schema.json").read_text()
    assert site.run("schema", kind, "--json").out == printed.out


def test_the_lock_that_is_written_fits_its_schema(site: Site, tmp_path: Path) -> None:
    root = tmp_path / "locked"
    site.run("init", root)
    path = Path(site.run("-C", root, "lock", "--json").json["path"])
    judge = Draft202012Validator(site.run("schema", "lock").json)
    judge.validate(json.loads(path.read_text()))
    Draft202012Validator(site.run("schema", "plan").json).validate(
        site.run("-C", root, "plan", "--json").json
    )


WEB = """\
# syntax=docker/dockerfile:1
ARG BASE=1.4
FROM registry.example.org/acme/base:${BASE} AS build
WORKDIR /srv
COPY app.sh conf/ ./
COPY --chown=12:34 --chmod=0640 ["a file", "static", "/srv/static/"]
COPY *.txt /srv/texts/
COPY <<END /srv/{{not}}
COPY app.sh /nowhere
END
RUN --mount=type=bind,source=conf,target=/m cat /m/one.conf > /srv/mounted && ls /m >> /srv/mounted
RUN --mount=target=/context cat /context/b.txt > /srv/whole
ADD link /srv/linked/
FROM registry.example.org/acme/base:1.4
COPY --from=build /srv /srv
CMD ["/srv/app.sh"]
"""

TOOL = """\
FROM registry.example.org/acme/base:1.4 AS run
ARG WHO
RUN echo $WHO > /who
FROM run AS test
RUN false
"""

COMPOSE = """\
services:
  helper:
    image: registry.example.org/acme/tool:2
    build: {context: tool, target: run, args: {WHO: compose}}
"""

TOOL_TEST = """\
schemaVersion: 2.0.0
commandTests:
  - {name: argument, command: cat, args: [/who], expectedOutput: ["^compose\\n$"]}
"""

WEB_TEST = """\
schemaVersion: 2.0.0
commandTests:
  - {name: script, command: /srv/app.sh, expectedOutput: ["^it runs\\n$"]}
  - {name: owner, command: stat, args: [-c, "%u:%g %a", "/srv/static/a file"], expectedOutput: ["^12:34 640\\n$"]}
  - {name: folder, command: cat, args: [/srv/static/deep/x], expectedOutput: [deep]}
  - {name: conf, command: cat, args: [/srv/one.conf], expectedOutput: [one]}
  - {name: wild, command: ls, args: [/srv/texts], expectedOutput: ["^a.txt\\nb.txt\\n$"]}
  - {name: heredoc, command: cat, args: ["/srv/{{ '{{not}}' }}"], expectedOutput: ["^COPY app.sh /nowhere\\n$"]}
  - {name: mount, command: cat, args: [/srv/mounted], expectedOutput: ["^one\\none.conf\\n$"]}
  - {name: whole, command: cat, args: [/srv/whole], expectedOutput: ["^b\\n$"]}
  - {name: link, command: cat, args: [/srv/linked/x], expectedOutput: [deep]}
  - {name: ignored, command: ls, args: [/srv/static], excludedOutput: [secret]}
"""


def test_plain_dockerfiles_become_images_with_the_same_content(site: Site, tmp_path: Path) -> None:
    plain = tmp_path / "dockerfiles"
    for path, text in {
        "base/Dockerfile": "FROM debian:bookworm-slim\nRUN echo base > /etc/base\n",
        "compose.yaml": COMPOSE,
        "tool/Dockerfile": TOOL,
        "web/Dockerfile": WEB,
        "web/app.sh": "#!/bin/sh\necho it runs\n",
        "web/conf/one.conf": "one\n",
        "web/a file": "1\n",
        "web/static/deep/x": "deep\n",
        "web/static/secret": "no\n",
        "web/a.txt": "a\n",
        "web/b.txt": "b\n",
        "web/.dockerignore": "**/secret\n",
        "lost/Dockerfile": "FROM registry.example.org/acme/base:1.4\nCOPY build/out /x\n",
    }.items():
        place = plain / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (plain / "web/app.sh").chmod(0o755)
    (plain / "web/link").symlink_to("static/deep")
    root = tmp_path / "catalogue"
    arguments = (
        "import",
        plain,
        "--output",
        root,
        "--prefix",
        "registry.example.org/acme",
        "--project",
        "brought",
    )

    planned = site.run(*arguments, "--plan", "--json", expect=3).json
    assert not root.exists() and planned["written"] is False
    done = site.run(*arguments, "--json", expect=3).json
    assert (done["images"], done["files"][:-1]) == (planned["images"], planned["files"])
    status = {i["image"]: i["status"] for i in done["images"]}
    made = dict.fromkeys(("base:1.4", "tool:2", "web:latest"), "made")
    assert status == made | {"lost": "set aside"}
    assert "there is no build/out in lost" in str(done["images"])
    assert (root / "images/web/rootfs/static/deep/x").read_text() == "deep\n"
    assert not (root / "images/web/rootfs/static/secret").exists()

    (root / "images/web/test.yml.tpl").write_text(WEB_TEST)
    (root / "images/tool/test.yml.tpl").write_text(TOOL_TEST)
    commit(root)
    tested = {t["image"]: t for t in site.run("test", "--json", cwd=root).json["targets"]}
    assert tested["web"]["tests"] == {"passed": 10, "total": 10}
    assert tested["tool"]["tests"] == {"passed": 1, "total": 1}
    assert {t["status"] for t in tested.values()} == {"built"}
    config = json.loads(crane("config", f"{site.registry}/lockage/builds@{tested['web']['digest']}"))
    assert config["config"]["Cmd"] == ["/srv/app.sh"]

    again = site.run(*arguments, "--json", expect=3).json
    assert again["files"] == [] and again["written"] is False
    (root / "images/base/Dockerfile.tmpl").write_text("FROM scratch\n")
    edited = site.run(*arguments, expect=3)
    assert "images/base/Dockerfile.tmpl  edited here\n" in edited.out
    assert (root / "images/base/Dockerfile.tmpl").read_text() == "FROM scratch\n"
    (root / ".lockage/import.json").unlink()
    taken = site.run(*arguments, expect=2)
    assert "images/base/Dockerfile.tmpl" in taken.err
    assert (root / "images/base/Dockerfile.tmpl").read_text() == "FROM scratch\n"


def test_bad_input_of_init_and_import_is_one_clear_error(site: Site, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    nothing = site.run("import", "empty", cwd=tmp_path, expect=3)
    assert "empty: holds no Dockerfile" in nothing.err and list(tmp_path.iterdir()) == [tmp_path / "empty"]
    absent = site.run("import", "absent", cwd=tmp_path, expect=2)
    assert "absent is not a folder" in absent.err
    (tmp_path / "file").write_text("")
    assert "is not a folder" in site.run("init", "file", cwd=tmp_path, expect=2).err
    assert "schema" in site.run("schema", "tags", expect=2).err
