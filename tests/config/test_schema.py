"""The schemas say what the models say: what one accepts the other accepts, what one refuses the other refuses."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from pipeline.cli.commands.catalogue.schema import SCHEMAS, schema_of
from pipeline.config import ImageFile, ProjectFile, VariantFile, load, read_lock, validate_document
from pipeline.errors import ConfigError
from tests.catalogue import test_documentation
from tests.real import samples
from tests.real.conftest import LOCKAGE_YML

from . import test_models
from .core_yaml import as_an_editor

ROOT = Path(__file__).resolve().parents[2]
MODELS = {"image": ImageFile, "variant": VariantFile, "project": ProjectFile}
JUDGES = {
    kind: Draft202012Validator(schema_of(kind), format_checker=FormatChecker(["date"])) for kind in SCHEMAS
}
MINIMAL = test_models.MINIMAL


def by_schema(kind: str, text: str) -> bool:
    return JUDGES[kind].is_valid(as_an_editor(text))


def by_model(kind: str, text: str) -> bool:
    found, problems = validate_document(MODELS[kind], load(text, "f.yml"))
    assert (found is None) == bool(problems)
    return found is not None


@pytest.mark.parametrize("kind", SCHEMAS)
def test_schemas_are_schemas_and_kept_as_the_program_prints_them(kind):
    schema = schema_of(kind)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:lockage:schema:{kind}:1"
    assert schema["title"] and schema["description"] and schema["additionalProperties"] is False
    kept = (ROOT / f"docs/schemas/{kind}.schema.json").read_text(encoding="utf-8")
    expected = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    assert kept == expected, f"lockage schema {kind} > docs/schemas/{kind}.schema.json"


@pytest.mark.parametrize("kind", MODELS)
def test_every_key_is_described(kind):
    def look(schema, path):
        for name, one in schema.get("properties", {}).items():
            if not one.get("description"):
                missing.append((*path, name))

    missing: list[tuple[str, ...]] = []
    schema = schema_of(kind)
    look(schema, (kind,))
    for name, definition in schema["$defs"].items():
        for part in (definition, *definition.get("anyOf", ())):
            look(part, (name,))
    assert missing == [("TagEntry", "name"), ("VariantEntry", "name")][: 2 * (kind == "image")]


FILES = [ROOT / "lockage.yml", *sorted((ROOT / "images").rglob("image.yml"))]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_repository_s_own_files_fit_and_name_their_schema(path):
    text = path.read_text(encoding="utf-8")
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert named, "the first line names the schema"
    kind = "project" if path.name == "lockage.yml" else "image"
    assert (path.parent / named[1]).resolve() == ROOT / f"docs/schemas/{kind}.schema.json"
    JUDGES[kind].validate(as_an_editor(text))


@pytest.mark.parametrize(("name", "kind"), [("image.yml", "image"), ("lockage.yml", "project")])
def test_the_documentation_s_examples_fit(name, kind):
    [example] = re.findall(rf"```yaml\n# {re.escape(name)}\n(.*?)```", test_documentation.TEXT, re.DOTALL)
    JUDGES[kind].validate(as_an_editor(example))


def test_the_samples_of_the_real_tests_fit():
    JUDGES["project"].validate(as_an_editor(LOCKAGE_YML.format(name="t-1", more="")))
    texts = [text for path, text in samples.hello().items() if path.endswith("image.yml")]
    for text in (*texts, samples.image("1.0.0", "2.0.0-rc.1")):
        JUDGES["image"].validate(as_an_editor(text))


# What a schema cannot say, or says more narrowly so that an editor offers one way of writing it.
ONLY_THE_MODEL_REFUSES = [
    (
        "project",
        MINIMAL + "environments: [{name: a, repository: 'a/{image}'}, {name: a, repository: 'b/{image}'}]\n",
    ),
    ("image", "tags: [+1]\n"),  # a number to an editor, and nothing tells how it was written
    ("image", "tags: [.5]\n"),
]
ONLY_THE_SCHEMA_REFUSES = [
    ("image", "rootfs_copy: yes\n"),
    ("image", "rootfs_copy: 'true'\n"),
    ("image", "platforms: [LINUX/AMD64]\n"),
    ("project", "version: '1'\nproject: a\n"),
    ("project", MINIMAL + "tools: {structure_test: a/b:1}\n"),
    ("project", MINIMAL + "policy: {vulnerabilities: {fail_on: [High]}}\n"),
]


@pytest.mark.parametrize(("kind", "text"), ONLY_THE_MODEL_REFUSES)
def test_what_only_the_model_refuses(kind, text):
    assert (by_schema(kind, text), by_model(kind, text)) == (True, False)


@pytest.mark.parametrize(("kind", "text"), ONLY_THE_SCHEMA_REFUSES)
def test_what_only_the_schema_refuses(kind, text):
    assert (by_schema(kind, text), by_model(kind, text)) == (False, True)


BAD = [
    *(("image", text) for text, _ in test_models.REFUSED_IMAGES),
    *(
        ("project", text)
        for text, _ in test_models.REFUSED_PROJECTS
    ),
    *(("image", text) for text in (
        "tags: {}\n", "tags: [{}]\n", "tags: [[1]]\n", "tags: [~]\n", "versions: []\n", "versions: {a: [1]}\n",
        "versions: {a: }\n", "variables: [1]\n", "labels: {a: {b: c}}\n", "variants: [{suffix: -a}]\n",
        "aliases: maybe\n", "version_strategy: semantic\n", "platforms: [linux/mips]\n", "platforms: linux/amd64\n",
        "gates: {size: {max: 0}}\n", "gates: {size: {max: 0MB}}\n", "gates: {size: {max: 1 TB}}\n",
        "gates: {vulnerabilities: {fail_on: HIGH}}\n", "template: a\\b\n", "template: a/..\n", "suffix: -x\n",
        "contexts: [a]\n", "contexts: {a: b}\n", "contexts: {a: ./..}\n", "contexts: {a: ./b/../c}\n",
        "contexts: {a: ./}\n",
        "contexts: {scratch: ./a}\n", "contexts: {A: ./a}\n", "contexts: {a: ../b}\n", "contexts: {a: /b}\n",
        "contexts: {a: 'docker-image://'}\n", "args: {a-b: c}\n", "args: {TARGETOS: c}\n", "args: [a]\n",
        "secrets: [a/b]\n", "secrets: {a: b}\n", "ssh: default\n",
        "rootfs_user: 'a b'\n", "tags: [{name: 1.0, external: 'a@sha256:00'}]\n", "just a text\n",
    )),
    *(("variant", text) for text in ("tags: [1.0]\n", "suffix: x\n", "name: A\n", "variants: [a]\n")),
    *(("project", MINIMAL + text) for text in (
        "bases: debian\n", "bases: [Debian]\n", "bases: ['a:b:c']\n", "bases: ['a..b/c/d']\n", "builds: A/b\n",
        "builds: /a\n", "platforms: []\n", "pull_request_suffix: pr\n", "pull_request_suffix: -PR\n",
        "pull_request_suffix: '-'\n", "pull_request_suffix: ''\n", "registry: 'a b'\n",
        "environments: [{name: a, repository: 'a/{image}', promote: sometimes}]\n",
        "environments: [{name: a, repository: 'a/{image}', immutable: ['a b']}]\n",
        "environments: [{name: a, repository: 'a/{image}', rebuilt: copy}]\n",
        "environments: [{name: a}]\n", "environments: [{name: a, repository: '{image}/{image}'}]\n",
        "environments: [{name: a, repository: 'A/{image}'}]\n", "vulnerability_db: 'x@sha256:1'\n",
        "secrets: {a: {}}\n", "secrets: {a: {env: A, file: b}}\n", "secrets: {a: {env: }}\n",
        "secrets: {a b: {env: A}}\n",
        "secrets: {a: {file: ''}}\n", "secrets: {a: {command: []}}\n", "secrets: {a: {env: a-b}}\n",
        "ssh: {a: {x: y}}\n",
        "ssh: {a: {agent: A, file: b}}\n", "entitlements: {a: network.host}\n", "entitlements: {a: [x]}\n",
        "entitlements: {A: []}\n", "attestations: {provenance: yes}\n", "attestations: [a]\n", "cache: [{}]\n",
        "cache: [{type: s3, bucket: a}]\n", "cache: [{type: registry, ref: 'a/b:1'}]\n",
        "cache: [{type: gha, ref: a}]\n",
        "cache: [{type: local, path: a, export: sometimes}]\n", "cache: [{type: x}]\n", "cache: {type: gha}\n",
        "tools: [a]\n", "policy: {sizes: 1}\n", "commit_tags: [fixed]\n", "commit_tags: []\n",
        "commit_tags: [{tag: 'x-{sha}'}]\n",
        "commit_tags: [{tag: 'x-{sha}', branches: []}]\n", "commit_tags: [{tag: fixed, branches: [main]}]\n",
        "policy: {vulnerabilities: {ignore: [{id: '', owner: o, reason: r, expires: 2027-01-01}]}}\n",
        "policy: {vulnerabilities: {ignore: [{id: A, owner: o, reason: r, expires: 2027-02-30}]}}\n",
        "policy: {vulnerabilities: {ignore: [{id: A, owner: o, reason: r, expires: soon}]}}\n",
    )),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), BAD)
def test_what_both_refuse(kind, text):
    assert (by_schema(kind, text), by_model(kind, text)) == (False, False)


GOOD = [
    ("image", "tags: [1.10, no, 2026.11, {name: 3, aliases: [stable, 4]}]\nvariants: [a, {name: b, suffix: _b}]\n"),
    ("image", "versions: {a: 1.10, b: no, c: true, d: 2026-11-21, e: '', f: -1}\nlabels: {x: 1}\n"),
    ("image", "variables: {a: [1, {b: ~}], c: true}\nrootfs_user: 0\nrootfs_copy: false\naliases: true\n"),
    ("image", "template:\nname: ~\ngates:\nplatforms: [arm64, linux/arm/v7, x86_64]\nrootfs_user: node:node\n"),
    ("image", "gates: {secrets: warn, size: {max: 250 MiB}, vulnerabilities: {fail_on: [critical]}}\n"),
    ("image", "gates: {size: {max: 1000}}\ntemplate: a/..b/Dockerfile.tmpl\nversion_strategy: calver\n"),
    ("image", "tags: [{name: 1.0.0, external: 'ghcr.io/acme/tool:1.0.0'}]\n"),
    ("image", "contexts: {a: ./b, 'c/d:1': ./e/f/, g.h/i: 'docker-image://debian:12', j: 'https://e/a.git#main'}\n"),
    ("image", "contexts: {a: 'git@e.org:a/b.git', b: ./.a/..b}\nargs: {A: 1, _b: no}\nsecrets: [a, 1]\nssh: [d]\n"),
    ("project", MINIMAL + "args: {A: b}\nsecrets: {a: {env: A}, b.c: {command: [d, 1]}}\nssh: {d: {}, e: {file: f}}\n"),
    ("project", MINIMAL + "entitlements: {a: []}\nattestations: {sbom: true}\ncache: [{type: gha}]\n"),
    ("project", MINIMAL + "cache: [{type: registry, ref: 'localhost:5000/a/b'}, {type: local, path: a}]\n"),
    ("project", MINIMAL + "cache: [{type: s3, bucket: a, region: b, prefix: }]\n"),
    ("variant", "name: dev\nsuffix: -dev\nvariables: {a: b}\n"),
    ("project", MINIMAL + "bases: [debian, 'localhost:5000/a/b:1', '[::1]:5000/a', 'A/b', 'a.b', 'a__b/c.d-e/f']\n"),
    ("project", MINIMAL + "registry: 'ghcr.io/acme/x'\nbuilds: a/b\ncommit_tags: ['{branch}-{short}']\n"),
    ("project", MINIMAL + "pull_request_suffix: /pr\n"),
    ("project", MINIMAL + "commit_tags: [{tag: 'ci-passed-{sha}', branches: [main, 'release/*']}]\n"),
    ("project", MINIMAL + "environments: [{name: a, repository: 'x/{image}-y/z'}]\nsource: https://e.org\n"),
    ("project", MINIMAL + "environments: [{name: a, repository: 'a/{image}'}, {name: b, repository: 'b/{image}', "
     "promote: automatic, immutable: ['*.*.*', v1], rebuilt: revision}]\n"),
    ("project", MINIMAL + "registry: 'ghcr.io/'\n"),
    ("project", MINIMAL + "tools: {structure-test: a/b}\nvulnerability_db: a/b:1\n"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), GOOD)
def test_what_both_accept(kind, text):
    JUDGES[kind].validate(as_an_editor(text))
    assert by_model(kind, text)


_LETTERS = st.text("aA0._-:/@{}[]~ image\\é", max_size=12)
_SPOTS = [
    ("image", '{"tags": [%s]}'),
    ("image", '{"tags": [{"name": "1", "aliases": [%s]}]}'),
    ("image", '{"tags": [{"name": "1", "external": %s}]}'),
    ("image", '{"variants": [%s]}'),
    ("image", '{"variants": [{"name": "a", "suffix": %s}]}'),
    ("image", '{"name": %s}'),
    ("image", '{"template": %s}'),
    ("image", '{"rootfs_user": %s}'),
    ("image", '{"gates": {"size": {"max": %s}}}'),
    ("project", '{"version": 1, "project": %s}'),
    ("project", '{"version": 1, "project": "a", "registry": %s}'),
    ("project", '{"version": 1, "project": "a", "builds": %s}'),
    ("project", '{"version": 1, "project": "a", "bases": [%s]}'),
    ("project", '{"version": 1, "project": "a", "commit_tags": [%s]}'),
    ("project", '{"version": 1, "project": "a", "environments": [{"name": "a", "repository": %s}]}'),
]
_PIECES = st.lists(
    st.sampled_from([*"aB0._-/:@é", "..", "__", "{image}", "{sha}", "localhost", "a.b", "[::1]", "MB"]),
    max_size=7,
).map("".join)  # fmt: skip


@given(st.sampled_from(_SPOTS), _LETTERS | _PIECES)
def test_a_text_is_judged_alike_everywhere(spot, text):
    kind, frame = spot
    document = frame % json.dumps(text, ensure_ascii=False)
    assert by_schema(kind, document) == by_model(kind, document), document


_SCALARS = st.sampled_from(
    ["a", "-a", "1", "1.10", "true", "~", "''", "[]", "{}", "[a]", "{name: a}", "linux/amd64", "HIGH"]
)
_KEYS = st.sampled_from(sorted({*ImageFile.model_fields, *VariantFile.model_fields, "tag", "policy"}))


@given(st.sampled_from(["image", "variant"]), st.dictionaries(_KEYS, _SCALARS, max_size=4))
def test_a_document_is_judged_alike(kind, fields):
    text = "".join(f"{key}: {value}\n" for key, value in fields.items()) or "{}\n"
    assert by_schema(kind, text) == by_model(kind, text), text


_DIGEST = f"sha256:{'0' * 64}"
LOCKS = [
    ({"format_version": 1, "images": {}}, True),
    ({"format_version": 1, "images": {"docker.io/library/debian:12": {"digest": _DIGEST}}}, True),
    ({"format_version": 2, "images": {}}, False),
    ({"format_version": 1}, False),
    ({"format_version": 1, "images": {}, "more": 1}, False),
    ({"format_version": 1, "images": {"debian:12": {"digest": _DIGEST}}}, False),
    ({"format_version": 1, "images": {"docker.io/library/debian": {"digest": _DIGEST}}}, False),
    ({"format_version": 1, "images": {"a.b/c:1": {"digest": "sha256:0"}}}, False),
    ({"format_version": 1, "images": {"a.b/c:1": {"digest": _DIGEST, "size": 1}}}, False),
    ({"format_version": 1, "images": {f"a.b/c:1@{_DIGEST}": {"digest": _DIGEST}}}, False),
]


@pytest.mark.parametrize(("data", "good"), LOCKS)
def test_locks(data, good):
    assert JUDGES["lock"].is_valid(data) == good
    if good:
        assert json.loads(read_lock(json.dumps(data).encode()).to_bytes()) == data
    else:
        with pytest.raises(ConfigError):
            read_lock(json.dumps(data).encode())
