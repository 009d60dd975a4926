"""Named contexts: images, addresses and folders that stand in for what a Dockerfile names."""

import json

import pytest

from pipeline.catalogue import SourceFile, read_source
from pipeline.config import ImageFile, Lock
from pipeline.dockerfile.remote import is_git, is_pinned, is_remote
from pipeline.model import Digest, Reference
from pipeline.plan import (
    affected_by,
    affected_since,
    context_files,
    explain_target,
    generated_files,
    graph_of,
    inputs_of,
    key_difference,
    make_plan,
    named_context_files,
)
from pipeline.plan.cache.encoding import dump, load
from tests.config.test_models import refused
from tests.plan.changes.test_affected import before_of, file_of

from .sample import LOCK, PROJECT, folder, image, plan, problems, put, source

COMMIT = "0123456789" * 4
BASE = folder("base", image("[{name: 2025.09, aliases: [2025]}]"))
APP = "app/1.0.0/linux-amd64"


def app(contexts="", template="FROM tool\n", **files):
    return BASE | folder("app", image(more=f"contexts: {{{contexts}}}\n", template=template) | files)


def target(*args, **options):
    return plan(app(*args), **options).by_id[APP]


def test_an_image_stands_in_for_a_name():
    found = target("tool: 'docker-image://debian:12'", lock=LOCK)
    assert found.bases == ()
    [context] = found.contexts
    assert (context.name, context.kind, context.target_id) == ("tool", "image", None)
    assert context.reference == LOCK_DEBIAN
    assert LOCK_DEBIAN in found.external_bases
    assert (found.final_base.name, found.final_base.reference) == ("debian:12", LOCK_DEBIAN)
    assert found.dockerfile_on({"tool": "x"}) == "FROM tool\n"
    assert found.key


LOCK_DEBIAN = Reference.parse("debian:12").pinned(LOCK.digest(Reference.parse("debian:12")))


def test_an_image_of_the_catalogue_is_an_edge():
    files = app("'debian:11': 'docker-image://base:2025'", "FROM docker.io/library/debian:11\n")
    made = plan(files, lock=LOCK)
    found = made.by_id[APP]
    assert found.internal_bases == ("base/2025.09/linux-amd64",)
    assert found.final_base.target_id == "base/2025.09/linux-amd64"
    assert ("app:1.0.0", "base:2025.09") in graph_of(made).edges
    assert [t.id for t in plan(files, only=["app"]).targets] == ["base/2025.09/linux-amd64", APP]
    key = made.by_id["base/2025.09/linux-amd64"].key
    assert inputs_of(made, APP)["contexts"] == {"debian:11": f"key:{key}"}


REPLACED = [
    ("FROM tool\n", True),
    ("FROM tool:latest\n", True),
    ("FROM docker.io/library/tool\n", True),
    ("ARG T=tool\nFROM $T\n", True),
    ("FROM debian:12\nCOPY --from=tool / /\n", True),
    ("FROM debian:12\nRUN --mount=from=tool,target=/x y\n", True),
    ("FROM nowhere:1 AS tool\nRUN x\nFROM debian:12\nCOPY --from=tool / /\n", True),
    ("FROM nowhere:1 AS Tool\nFROM tool\n", True),
    ("FROM debian:12\n", False),
    ("FROM debian:12\nCOPY tool/ /\n", False),
]


@pytest.mark.parametrize(("template", "used"), REPLACED)
def test_what_is_replaced(template, used):
    template = template.replace("COPY tool/", "COPY rootfs/tool")
    if not used:
        template = template.replace("COPY rootfs/tool /\n", "")
    found = target("tool: 'docker-image://debian:12'", template)
    assert {b.name for b in found.bases} <= {"debian:12"}
    warning = (
        "images/app/image.yml:2:18: contexts.tool:"
        " no FROM, COPY --from or RUN --mount of the Dockerfile names this"
    )
    assert found.warnings == (() if used else (warning,))


def test_a_stage_that_is_replaced_says_nothing():
    template = "FROM nowhere:1 AS tool\nLABEL a=b\nFROM tool\nLABEL c=$D\n"
    found = target("tool: 'docker-image://debian:12'", template)
    assert dict(found.dockerfile_labels) == {"c": None}
    assert found.final_base is None


def test_what_an_image_must_be():
    assert problems(app("tool: 'docker-image://debian:13', base: 'docker-image://base:1'")) == [
        "images/app/image.yml:2:18: contexts.tool: unknown base debian:13 (app:1.0.0)"
        " (did you mean debian:12? or add docker.io/library/debian:13 to bases: in lockage.yml)",
        "images/app/image.yml:2:52: contexts.base: unknown base base:1: the catalogue's base has no tag 1 (app:1.0.0)"
        " (did you mean base:2025?)",
    ]
    other = app("tool: 'docker-image://base:2025'", "FROM --platform=linux/arm64 tool\n")
    assert problems(other) == [
        "images/app/image.yml:2:18: contexts.tool: base:2025 is made here, and FROM --platform asks for another"
        " platform of it (app:1.0.0)"
    ]
    cycle = app("tool: 'docker-image://app:1.0.0'")
    assert "cycle: app:1.0.0 → app:1.0.0" in problems(cycle)[0]


PINNED = [
    (f"https://git.example.org/a/b.git#{COMMIT}", True, True),
    (f"https://git.example.org/a/b.git#{COMMIT}:dir", True, True),
    (f"https://git.example.org/a/b.git?checksum={COMMIT}&subdir=x", True, True),
    (f"https://git.example.org/a/b.git?ref={COMMIT}", True, True),
    (f"git@git.example.org:a/b.git#{COMMIT}", True, True),
    ("https://git.example.org/a/b.git", True, False),
    ("https://git.example.org/a/b.git#main", True, False),
    (f"https://git.example.org/a/b.git#{COMMIT[:12]}", True, False),
    ("git://git.example.org/a/b.git?tag=v1", True, False),
    (f"https://example.org/a.tar.gz#{COMMIT}", False, False),
]


@pytest.mark.parametrize(("address", "git", "pinned"), PINNED)
def test_an_address_that_can_change_is_a_warning(address, git, pinned):
    assert (is_remote(address), is_git(address), is_pinned(address)) == (True, git, pinned)
    found = target(f"tool: '{address}'", lock=LOCK)
    assert (found.contexts[0].kind, found.contexts[0].url) == ("url", address)
    moving = (
        "images/app/image.yml:2:18: contexts.tool: the key cannot see it change"
        " (name a whole commit: #COMMIT or ?checksum=COMMIT)",
    )
    assert found.warnings == (() if pinned else moving)
    assert (found.external_bases, found.final_base) == ((), None)
    assert inputs_of(plan(app(f"tool: '{address}'"), lock=LOCK), APP)["contexts"] == {"tool": address}


FOLDER = {
    "files/etc/x": SourceFile("file", 0o755, b"x"),
    "files/rootfs/Dockerfile.tmpl": "no template {{ of.ours",
    "files/image.yml.txt": "x",
    "files/link": SourceFile("link", target="/etc/passwd"),
}


def test_a_folder_is_part_of_the_key_and_of_dist():
    files = app("'a/b:1': ./files", "FROM a/b:1\n", **FOLDER)
    made = plan(files, lock=LOCK)
    found = made.by_id[APP]
    [context] = found.contexts
    assert (context.kind, context.path) == ("folder", "contexts/a%2Fb%3A1")
    assert [e.path for e in context.entries] == [
        "etc",
        "etc/x",
        "image.yml.txt",
        "link",
        "rootfs",
        "rootfs/Dockerfile.tmpl",
    ]
    assert "contexts" not in {path.partition("/")[0] for path in context_files(found)}
    assert set(named_context_files(found)) < {
        path.removeprefix("app/1.0.0/") for path in generated_files(made)
    }
    assert named_context_files(found)["contexts/a%2Fb%3A1/etc/x"].read(made.source) == b"x"
    assert load(dump(made), made.source) == made
    other = plan(files | {"app/files/etc/x": SourceFile("file", 0o755, b"y")}, lock=LOCK)
    assert [t.id for t in other.targets if t.key != made.by_id[t.id].key] == [APP]
    assert key_difference(inputs_of(made, APP), inputs_of(other, APP)) == [
        "context a/b:1: etc/x has other content"
    ]
    data = {t["id"]: t for t in json.loads(made.to_json())["targets"]}[APP]
    assert data["contexts"][0]["entries"][1]["origin"] == "images/app/files/etc/x"


def test_a_folder_on_a_disk_may_hold_large_files(tmp_path):
    files = {f"images/{path}": text for path, text in app("tool: ./files").items()}
    put(tmp_path, {"lockage.yml": PROJECT, **files, "images/app/files/large": b"x" * 1_100_000})
    made = make_plan(read_source(tmp_path))
    [entry] = made.by_id[APP].contexts[0].entries
    assert (entry.size, entry.sha256) == (1_100_000, Digest.of(b"x" * 1_100_000).hex)
    assert len(named_context_files(made.by_id[APP])["contexts/tool/large"].read(made.source)) == 1_100_000


def test_a_folder_is_below_the_file_that_names_it():
    files = BASE | {
        "app/image.yml": "contexts: {tool: ./a}\n",
        "app/1/image.yml": "tags: [1.0.0, {name: 1.1.0, contexts: {tool: ./b/c}}]\n",
        "app/Dockerfile.tmpl": "FROM tool\n",
        "app/a/x": "",
        "app/1/b/c/y": "",
    }
    found = plan(files)
    assert {
        t.tag: [e.origin for c in t.contexts for e in c.entries] for t in found.targets if t.image == "app"
    } == {
        "1.0.0": ["images/app/a/x"],
        "1.1.0": ["images/app/1/b/c/y"],
    }
    assert problems(app("tool: ./gone")) == [
        "images/app/image.yml:2:18: contexts.tool: images/app/gone is not there"
    ]
    assert problems(app("tool: ./Dockerfile.tmpl")) == [
        "images/app/image.yml:2:18: contexts.tool: images/app/Dockerfile.tmpl is no folder"
    ]
    assert problems(app("tool: ./files", **{"files/pipe": SourceFile("other")})) == [
        "images/app/files/pipe: is a device, socket or pipe (only files, folders and links)"
    ]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("tool: ../x", "docker-image://IMAGE, a git or http(s) address, or ./FOLDER is expected"),
        ("tool: ./a/../../x", "'./a/../../x' is not a folder below that of image.yml"),
        ("tool: ./", "'./' is not a folder below that of image.yml"),
        ("tool: debian", "docker-image://IMAGE, a git or http(s) address, or ./FOLDER is expected"),
        ("tool: 'docker-image://De bian'", "not a repository path: 'library/De bian'"),
        ("'tool:latest': ./x", "write it as tool: BuildKit looks for that"),
        ("docker.io/library/tool: ./x", "write it as tool: BuildKit looks for that"),
        ("scratch: ./x", "scratch cannot be replaced"),
        ("Tool: ./x", "not a repository path"),
    ],
)
def test_what_is_refused(entry, message):
    [found] = refused(ImageFile, f"contexts: {{{entry}}}\n")
    assert message in found
    assert found.startswith("f.yml:1:")


def test_what_a_change_of_it_affects():
    lock, moved = (
        Lock.of({**LOCK.images, Reference.parse("ghcr.io/acme/tools:1"): Digest.of(text)})
        for text in (b"1", b"2")
    )
    files = app(
        "tool: ./files, img: 'docker-image://ghcr.io/acme/tools:1', own: 'docker-image://base:2025.09'",
        "FROM tool\nCOPY --from=img / /\nCOPY --from=own / /\n",
        **{"files/x": "1"},
    )
    old = source(files)
    new = source(files | {"app/files/x": "2"})
    found = affected_since(make_plan(new, lock=lock), before_of(old, new))
    assert [(a.id, a.reasons) for a in found.affected] == [(APP, ("images/app/files/x changed",))]
    assert [a.id for a in affected_by(make_plan(new, lock=lock), ["images/app/files/x"]).affected] == [APP]
    states = [type(old).of({**old.files, "lockage.lock": file_of(one.to_bytes())}) for one in (lock, moved)]
    found = affected_since(make_plan(states[1], lock=moved), before_of(*states))
    assert [(a.id, a.reasons) for a in found.affected] == [
        (APP, ("ghcr.io/acme/tools:1 is locked to another digest",))
    ]
    tags = source(files | {"base/image.yml": "tags: [{name: 2025.09, aliases: [2025]}, 2025.09.1]\n"})
    aliased = source({**files, "app/image.yml": files["app/image.yml"].replace("base:2025.09", "base:2025")})
    assert not [a for a in affected_since(make_plan(tags), before_of(old, tags)).affected if a.id == APP]
    assert not affected_since(make_plan(aliased), before_of(old, aliased)).affected


def test_it_is_explained():
    made = plan(app("tool: 'docker-image://debian:12', own: 'docker-image://base:2025'"), lock=LOCK)
    rows = {e.key: e for e in explain_target(made, APP) if e.key.startswith("contexts.")}
    assert rows["contexts.tool"].value == str(LOCK_DEBIAN)
    assert rows["contexts.tool"].why == "pinned in lockage.lock as docker.io/library/debian:12"
    assert (rows["contexts.own"].value, str(rows["contexts.own"].location)) == (
        "base/2025.09/linux-amd64",
        "images/app/image.yml:2:51",
    )
