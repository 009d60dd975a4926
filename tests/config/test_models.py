"""lockage.yml and image.yml: what is accepted, what it becomes, and every refusal with its place."""

from datetime import date

import pytest

from pipeline.config import (
    Environment,
    ImageFile,
    Project,
    ProjectFile,
    VariantFile,
    load,
    validate_document,
)
from pipeline.errors import ConfigError
from pipeline.model import Gates, Platform, Reference, Severity

MINIMAL = "version: 1\nproject: demo\n"


def image(text: str, model=ImageFile):
    found, problems = validate_document(model, load(text, "images/x/image.yml"))
    assert not problems
    return found


def project(text: str = "") -> Project:
    found, problems = validate_document(ProjectFile, load(MINIMAL + text, "lockage.yml"))
    assert not problems
    return found.value()


def refused(model, text: str) -> list[str]:
    found, problems = validate_document(model, load(text, "f.yml"))
    assert found is None
    return [str(p) for p in ConfigError(problems).problems]


def test_versions_stay_as_written():
    found = image("tags: [1.10, {name: 3.0, versions: {a: 1.20, b: 010, c: no, d: 12:30}}]\n")
    assert [t.name for t in found.tags] == ["1.10", "3.0"]
    assert found.tags[1].versions == {"a": "1.20", "b": "010", "c": "no", "d": "12:30"}


def test_variables_are_bool_and_int_only_when_plain():
    found = image(
        "variables: {a: true, b: 3, c: '3', d: 010, e: [1, no, {f: false}], g: 1.10, h: ~, i: -2}\n"
    )
    assert found.variables == {
        "a": True,
        "b": 3,
        "c": "3",
        "d": "010",
        "e": [1, "no", {"f": False}],
        "g": "1.10",
        "h": None,
        "i": -2,
    }


def test_switches_are_read_as_people_write_them():
    for text, value in (("no", False), ("false", False), ("yes", True), ("true", True)):
        assert image(f"rootfs_copy: {text}\n").rootfs_copy is value


def test_what_is_not_said_is_none():
    found = image("tags: [a]\n")
    assert (found.rootfs_copy, found.rootfs_user, found.aliases, found.version_strategy) == (
        None,
        None,
        None,
        None,
    )


def test_a_variant_file_has_no_tags():
    assert image("suffix: -x\n", VariantFile).suffix == "-x"
    assert "tags: is not a known key" in refused(VariantFile, "tags: [a]\n")[0]


REFUSED_IMAGES = [
    ("stratgy: semver\n", "f.yml:1:1: stratgy: is not a known key"),
    (
        "version_stratgy: x\n",
        "f.yml:1:1: version_stratgy: is not a known key (did you mean version_strategy?)",
    ),
    (
        "tags:\n  - name: a\n    verions: {}\n",
        "f.yml:3:5: tags[0].verions: is not a known key (did you mean versions?)",
    ),
    (
        "variants: [{name: a, sufix: -a}]\n",
        "f.yml:1:22: variants[0].sufix: is not a known key (did you mean suffix?)",
    ),
    (
        "version_strategy: semvr\n",
        "f.yml:1:19: version_strategy: 'semvr' is not one of: semver, calver, numeric,",
    ),
    ("tags: [{versions: {}}]\n", "f.yml:1:8: tags[0].name: is missing"),
    ("tags: {a: 1}\n", "f.yml:1:7: tags: a list is expected"),
    ("tags: [-a]\n", "f.yml:1:8: tags[0].name: '-a' is not a tag"),
    ("tags: [a b]\n", "f.yml:1:8: tags[0].name: 'a b' is not a tag"),
    ("versions: [a]\n", "f.yml:1:11: versions: a mapping (key: value) is expected"),
    ("versions: {a: }\n", "f.yml:1:15: versions.a: a text is expected"),
    ("versions: {a: [1]}\n", "f.yml:1:15: versions.a: a text is expected"),
    ("rootfs_user: root; rm\n", "f.yml:1:14: rootfs_user: 'root; rm' is not an owner"),
    ("rootfs_copy: maybe\n", "f.yml:1:14: rootfs_copy: true or false is expected"),
    ("aliases: 1\n", "f.yml:1:10: aliases: true or false is expected"),
    (
        "args: {1A: b}\n",
        "f.yml:1:8: args.1A: '1A' is not an ARG's name (letters, digits and _, no digit first)",
    ),
    ("args: {A: [b]}\n", "f.yml:1:11: args.A: a text is expected"),
    ("args: {A: ''}\nargs2: {}\n", "f.yml:2:1: args2: is not a known key (did you mean args?)"),
    *(
        (
            f"tags: [{{name: a, args: {{{n}: b}}}}]\n",
            f"f.yml:1:25: tags[0].args.{n}: {n} is set by the build itself",
        )
        for n in ("SOURCE_DATE_EPOCH", "BUILDKIT_SYNTAX", "TARGETARCH", "BUILDPLATFORM", "TARGETSTAGE")
    ),
    ("platforms: [sparc]\n", "f.yml:1:13: platforms[0]: unknown platform 'sparc'"),
    ("template: ../../secret\n", "f.yml:1:11: template: '../../secret' is not a path below"),
    ("template: /etc/passwd\n", "f.yml:1:11: template: '/etc/passwd' is not a path below"),
    ("name: Upper\n", "f.yml:1:7: name: 'Upper' is not an image name"),
    ("variants: [{name: a, suffix: b}]\n", "f.yml:1:30: variants[0].suffix: 'b' is not a suffix"),
    ("gates: {size: {max: huge}}\n", "f.yml:1:21: gates.size.max: 'huge' is not a size"),
    ("- a\n", "f.yml:1:1: a mapping (key: value) is expected"),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED_IMAGES)
def test_refused_in_image_yml(text, expected):
    assert refused(ImageFile, text)[0].startswith(expected)


REFUSED_PROJECTS = [
    ("version: 2\nproject: a\n", "f.yml:1:10: version: '2' is not one of: 1"),
    ("version: 1\n", "f.yml:1:1: project: is missing"),
    (
        MINIMAL + "enviroments: []\n",
        "f.yml:3:1: enviroments: is not a known key (did you mean environments?)",
    ),
    (MINIMAL + "environments: []\n", "f.yml:3:15: environments: the list is empty"),
    (
        MINIMAL + "environments: [{name: a, repository: a}]\n",
        "f.yml:3:38: environments[0].repository: 'a' must hold",
    ),
    (MINIMAL + "tools: {triv: a/b:1}\n", "f.yml:3:9: tools.triv: is not a known key (did you mean trivy?)"),
    (MINIMAL + "tools: {trivy: UPPER}\n", "f.yml:3:16: tools.trivy: not a repository path"),
    (MINIMAL + f"bases: ['debian@sha256:{'0' * 64}']\n", "f.yml:3:9: bases[0]: a digest is written here"),
    (MINIMAL + "registry: 'http://x'\n", "f.yml:3:11: registry: "),
    (MINIMAL + "policy: {secrets: fial}\n", "f.yml:3:19: policy.secrets: 'fial' is not one of: fail, warn"),
    (
        MINIMAL + "policy: {vulnerabilities: {fail_on: [HGH]}}\n",
        "f.yml:3:38: policy.vulnerabilities.fail_on[0]: 'HGH'",
    ),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED_PROJECTS)
def test_refused_in_lockage_yml(text, expected):
    assert refused(ProjectFile, text)[0].startswith(expected)


def test_every_problem_of_a_file_is_given():
    found = refused(ImageFile, "a: 1\ntags: [{nam: x}]\nrootfs_copy: 7x\nversions: {b: }\n")
    assert [f.split(": ")[1] for f in found] == [
        "a",
        "tags[0].name",
        "tags[0].nam",
        "rootfs_copy",
        "versions.b",
    ]


@pytest.mark.parametrize("missing", ["id", "owner", "reason", "expires"])
def test_an_ignore_names_who_why_and_until_when(missing):
    entry = {"id": "CVE-1", "owner": "me", "reason": "because", "expires": "2027-01-31"}
    del entry[missing]
    text = MINIMAL + f"policy: {{vulnerabilities: {{ignore: [{entry}]}}}}\n".replace("'", "")
    assert f"ignore[0].{missing}: is missing" in refused(ProjectFile, text)[0]


@pytest.mark.parametrize("day", ["2027-02-30", "tomorrow", "1893456000", "2027-01-01T00:00:00"])
def test_expires_is_a_day(day):
    ignore = f"{{id: C, owner: o, reason: r, expires: '{day}'}}"
    text = MINIMAL + f"policy: {{vulnerabilities: {{ignore: [{ignore}]}}}}\n"
    assert "not a day" in refused(ProjectFile, text)[0]


def test_defaults():
    found = project()
    assert [(e.name, e.repository) for e in found.environments] == [
        ("dev", "dev/{image}"),
        ("prod", "prod/{image}"),
    ]
    assert found.platforms == (Platform("linux", "amd64"),)
    assert (found.registry, found.builds, found.bases) == ("embedded", "lockage/builds", ())
    assert set(found.tools.all()) == {
        *("buildkit", "hadolint", "syft", "trivy", "cosign", "structure-test", "grype")
    }
    assert found.policy == Gates()
    assert found.policy.vulnerabilities.fail_on == (Severity.CRITICAL, Severity.HIGH)


def test_references_are_normalised():
    found = project("bases: [debian:bookworm-slim, alpine, ghcr.io/a/b:1]\n")
    assert [str(b) for b in found.bases] == [
        "docker.io/library/debian:bookworm-slim",
        "docker.io/library/alpine:latest",
        "ghcr.io/a/b:1",
    ]


@pytest.mark.parametrize(
    ("registry", "expected"),
    [
        ("embedded", "localhost:5000/dev/web"),
        ("ghcr.io", "ghcr.io/dev/web"),
        ("harbor.example.com:8443/team/a", "harbor.example.com:8443/team/a/dev/web"),
    ],
)
def test_where_images_live(registry, expected):
    found = project(f"registry: {registry}\n")
    assert str(found.repository(found.environment("dev"), "web", embedded="localhost:5000")) == expected
    with pytest.raises(KeyError):
        found.environment("nowhere")


def test_an_image_differs_from_the_policy_only_where_it_says_so():
    base = project(
        "policy: {vulnerabilities: {fail_on: [critical], ignore: [{id: A, owner: o, reason: r, expires: 2027-01-01}]},"
        " size: {max: 300MB}}\n"
    ).policy
    own = image(
        "gates: {secrets: warn, vulnerabilities: {ignore: [{id: B, owner: o, reason: r, expires: 2027-01-02}]}}\n"
    ).gates
    found = own.over(base)
    assert found.secrets.to_json() == "warn"
    assert found.size.max == 300_000_000
    assert found.vulnerabilities.fail_on == (Severity.CRITICAL,)
    assert [(i.id, i.expires) for i in found.vulnerabilities.ignore] == [
        ("A", date(2027, 1, 1)),
        ("B", date(2027, 1, 2)),
    ]
    assert image("gates: {size: {max: 1MiB}}\n").gates.over(base).size.max == 1024 * 1024


def test_values_survive_json():
    found = project(
        "bases: [debian:12]\nsource: https://example.com/x\nplatforms: [arm64, linux/arm/v7]\n"
        "policy: {vulnerabilities: {ignore: [{id: A, package: p, owner: o, reason: r, expires: 2027-01-01}]}}\n"
    )
    assert Project.from_json(found.to_json()) == found
    assert Environment("a", "x/{image}").path("y") == "x/y"
    assert found.vulnerability_db == Reference.parse("ghcr.io/aquasecurity/trivy-db:2")
