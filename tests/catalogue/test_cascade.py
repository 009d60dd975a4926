"""Folder convention and the three levels: what wins, where, and which mistakes are reported."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalogue import SourceFile

from .sample import PROJECT, folder, image, plan, problems, source

SHOW = "FROM debian:12\n# {{ versions.a }} {{ variables.b }}\n"


def shown(files, tag):
    target = next(t for t in plan(files).targets if t.tag == tag)
    return target.dockerfile.splitlines()[1].removeprefix("# ")


def test_later_levels_win():
    yml = """
versions: {a: image}
variables: {b: image}
tags:
  - 1.0.0
  - {name: 2.0.0, versions: {a: tag}}
variants:
  - {name: x, variables: {b: variant}}
"""
    files = folder("i", {"image.yml": yml, "Dockerfile.tmpl": SHOW})
    assert shown(files, "1.0.0") == "image image"
    assert shown(files, "2.0.0") == "tag image"
    assert shown(files, "1.0.0-x") == "image variant"
    assert shown(files, "2.0.0-x") == "tag variant"


def test_a_version_folder_inherits_from_the_images_file():
    files = {
        "i/image.yml": "versions: {a: image}\nvariables: {b: image}\nvariants: [{name: x, versions: {a: variant}}]\n",
        "i/Dockerfile.tmpl": SHOW,
        "i/2/image.yml": "variables: {b: version}\ntags: [2.0.0]\nvariants: [{name: x, variables: {b: own}}]\n",
    }
    assert shown(files, "2.0.0") == "image version"
    assert shown(files, "2.0.0-x") == "variant own"


def test_a_variants_folder_may_have_a_file_of_its_own():
    files = {
        "i/2/image.yml": "versions: {a: v}\nvariables: {b: v}\ntags: [2.0.0]\n",
        "i/2/Dockerfile.tmpl": SHOW,
        "i/2/browser/image.yml": "suffix: -web\nvariables: {b: browser}\n",
        "i/2/browser/Dockerfile.tmpl": "FROM i:{{ base_tag }}\n# {{ variant }} {{ tag }} {{ variables.b }}\n",
    }
    assert shown(files, "2.0.0-web") == "browser 2.0.0-web browser"
    assert {t.tag: t.variant for t in plan(files).targets} == {"2.0.0": None, "2.0.0-web": "browser"}


LEVEL = st.dictionaries(st.sampled_from("abc"), st.sampled_from("123"), max_size=3)


@given(LEVEL, LEVEL, LEVEL, LEVEL)
def test_merging_is_a_fold_where_the_later_wins(top, version, tag, variant):
    def versions(level):
        return "{" + ", ".join(f"{k}: {v}" for k, v in level.items()) + "}"

    files = {
        "i/image.yml": f"versions: {versions(top)}\n",
        "i/Dockerfile.tmpl": "FROM debian:12\n{% for k, v in versions | dictsort %}# {{ k }}={{ v }}\n{% endfor %}",
        "i/1/image.yml": f"versions: {versions(version)}\ntags: [{{name: t, versions: {versions(tag)}}}]\n"
        f"variants: [{{name: v, versions: {versions(variant)}}}]\n",
    }
    found = {t.tag: t.dockerfile.splitlines()[1:] for t in plan(files).targets}
    assert found["t"] == [f"# {k}={v}" for k, v in sorted((top | version | tag).items())]
    assert found["t-v"] == [f"# {k}={v}" for k, v in sorted((top | version | tag | variant).items())]


def test_variants_take_every_tag_with_their_suffix():
    files = folder("python", image("[3.13.7, 3.13.6]", "variants: [{name: browser, suffix: -browser}]\n"))
    assert sorted(t.tag for t in plan(files).targets) == [
        "3.13.6",
        "3.13.6-browser",
        "3.13.7",
        "3.13.7-browser",
    ]


def test_the_name_is_the_folder_unless_the_file_says_otherwise():
    assert plan(folder("a", image())).images == ("a",)
    assert plan(folder("a", image(more="name: b\n"))).images == ("b",)


def test_folders_with_an_underscore_or_dot_are_no_images():
    files = folder("a", image()) | {"_shared/x.tmpl": "", ".git/x": "", "a/_old/image.yml": "no: image\n"}
    assert plan(files).images == ("a",)


def test_platforms_gates_and_labels():
    more = "platforms: [linux/arm64]\nlabels: {a: image, b: image}\ngates: {secrets: warn}\ntitle: T\ndescription: D\n"
    files = folder("a", image("[{name: 1.0.0, labels: {b: tag}}]", more)) | folder("b", image())
    project = PROJECT + "platforms: [linux/amd64, linux/arm64]\nsource: https://example.com/x\n"
    project += "policy: {loosen: [secrets]}\n"
    found = {t.id: t for t in plan(files, project).targets}
    assert list(found) == ["a/1.0.0/linux-arm64", "b/1.0.0/linux-amd64", "b/1.0.0/linux-arm64"]
    a, b = found["a/1.0.0/linux-arm64"], found["b/1.0.0/linux-amd64"]
    assert (a.gates.secrets.severities, b.gates.secrets.severities) == ("warn", "fail")
    assert dict(a.labels) == {
        "a": "image",
        "b": "tag",
        "org.opencontainers.image.description": "D",
        "org.opencontainers.image.source": "https://example.com/x",
        "org.opencontainers.image.title": "T",
        "org.opencontainers.image.version": "1.0.0",
    }


MISTAKES = [
    (folder("a", {"Dockerfile.tmpl": ""}), "images/a: holds no image.yml"),
    (folder("a", {"image.yaml": ""}), "images/a: holds no image.yml (rename image.yaml to image.yml)"),
    (folder("a", image("[]")), "images/a/image.yml:1:1: the image has no tag (write tags: [1.0.0])"),
    (folder("a", image("[1, 1]")), "images/a/image.yml:1:11: tags[1]: a:1 is already made by another entry"),
    (
        folder("a", image("[1, 1-x]", "variants: [x]\n")),
        "images/a/image.yml:1:11: tags[1]: a:1-x is already made by the variant 'x' of 1",
    ),
    (
        folder("a", image("[1]", "variants: [x, x]\n")),
        "images/a/image.yml:2:15: variants[1]: the variant 'x' is written twice",
    ),
    (
        folder("a", image()) | folder("b", image(more="name: a\n")),
        "images/b/image.yml:2:7: name: the image 'a' is already in images/a/",
    ),
    (
        folder("a/1", image("[1.0.0]")) | folder("a/2", image("[1.0.0]")),
        "images/a/2/image.yml:1:8: tags[0]: a:1.0.0 is already made by another entry",
    ),
    (
        folder("a/1", image("[1.0.0]")) | folder("a/2", image("[2.0.0]", "version_strategy: numeric\n")),
        "images/a/2/image.yml:2:19: version_strategy: images/a/1/image.yml orders the same image by semver",
    ),
    (
        folder("a", image(f"['{'x' * 120}']", "variants: [abcdefghij]\n")),
        "images/a/image.yml:2:12: variants[0]: '" + "x" * 120 + "-abcdefghij' is too long for a tag",
    ),
    (
        {"a/image.yml": SourceFile("link", target="../b")},
        "images/a/image.yml: is a symbolic link (a file is expected)",
    ),
    ({"a/image.yml": SourceFile("dir")}, "images/a/image.yml: is a dir (a file is expected)"),
    ({}, "images/: holds no image (write images/<name>/image.yml)"),
]


@pytest.mark.parametrize(("files", "expected"), MISTAKES)
def test_mistakes(files, expected):
    assert expected in problems(files)


def test_all_problems_of_all_files_come_at_once():
    files = folder("a", image(more="colour: red\n")) | folder("b", image("[ok, {nam: x}]"))
    files |= folder("c", image(template="FROM {{ nothing }}\n")) | folder("d", {"image.yml": "a: [\n"})
    found = problems(files, PROJECT + "regstry: x\n")
    assert [f.split(":")[0] for f in found] == [
        "images/a/image.yml",
        "images/b/image.yml",
        "images/b/image.yml",
        "images/c/Dockerfile.tmpl",
        "images/d/image.yml",
        "lockage.yml",
    ]
    assert "did you mean registry?" in found[-1]


def test_a_source_is_frozen():
    with pytest.raises(TypeError):
        source({}).files["x"] = SourceFile("file")  # type: ignore[index]


def test_without_version_folders_tags_and_variants_may_have_folders():
    files = folder("i", image("[1.0.0, 2.0.0]", "variants: [x]\n")) | {
        "i/rootfs/a": "image",
        "i/2.0.0/rootfs/a": "tag",
        "i/x/rootfs/b": "variant",
        "i/2.0.0/x/Dockerfile.tmpl": "FROM debian:12\nUSER 2\n",
        "i/parts/apt.tmpl": "an include",
        "i/_old/rootfs/c": "left alone",
    }
    found = {t.tag: t for t in plan(files).targets}
    origins = {tag: [e.origin.removeprefix("images/i/") for e in t.rootfs] for tag, t in found.items()}
    assert origins == {
        "1.0.0": ["rootfs/a"],
        "2.0.0": ["2.0.0/rootfs/a"],
        "1.0.0-x": ["rootfs/a", "x/rootfs/b"],
        "2.0.0-x": ["2.0.0/rootfs/a", "x/rootfs/b"],
    }
    assert found["2.0.0-x"].template == "images/i/2.0.0/x/Dockerfile.tmpl"
    assert found["1.0.0-x"].template == "images/i/Dockerfile.tmpl"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "i/3/brwser/rootfs/x",
            "images/i/3/brwser: holds rootfs/ and is the folder of no version, tag or variant",
        ),
        (
            "i/3/brwser/Dockerfile.tmpl",
            "images/i/3/brwser: holds Dockerfile.tmpl and is the folder of no version",
        ),
        (
            "i/4/test.yml.tpl",
            "images/i/4: holds test.yml.tpl and is the folder of no version, tag or variant",
        ),
    ],
)
def test_a_folder_that_belongs_to_nothing_is_told(path, expected):
    files = folder("i/3", image("[3.1.0]", "variants: [browser]\n")) | {path: "x"}
    [found] = problems(files)
    assert found.startswith(expected)
    assert ("did you mean browser?" in found) == ("brwser" in path)
