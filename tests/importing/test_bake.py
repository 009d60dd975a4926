"""Images that bake files declare: targets, variables and functions of HCL and JSON."""

import json

import pytest

from pipeline.catalogue import Source, SourceFile
from pipeline.importing import import_folder
from pipeline.importing.declared.hcl import HclError, read_hcl
from pipeline.plan import make_plan

from .imported import DEBIAN, catalogue, imported, notes, planned

HCL = """\
variable "VERSION" { default = "v1.2.3" }
variable "FULL" {
  // comment
  default = "${VERSION}-x"
}
function "f" { params = [a]
  result = upper("${a}") }
group "default" { targets = ["local"] }
target "docker-metadata-action" {}
target "base" {
  args = { VERSION = VERSION, "FULL" = "${FULL}", NONE = null, COUNT = 3 }
  labels = {
    "a.b/c" = "d" # comment
  }
}
target "local" {
  inherits = ["base", "docker-metadata-action"]
  tags = ["acme/tool:${VERSION}", "${f("x")}", "acme/tool:latest",]
  output = ["type=docker"]
}
target "all" {
  inherits = ["base"]
  platforms = [
    "linux/amd64",
    "linux/arm64",
  ]
  args = { OTHER = equal(VERSION, "x") ? "a,b" : "]" }
}
"""
TOOL = DEBIAN + "ARG VERSION FULL NONE COUNT OTHER\n"


def test_targets_of_a_bake_file():
    found, plan = planned({"tool/docker-bake.hcl": HCL, "tool/Dockerfile": TOOL})
    args = {"VERSION": "v1.2.3", "FULL": "v1.2.3-x", "COUNT": "3"}
    assert {t.id: dict(t.arguments) for t in plan.targets} == {
        "tool/v1.2.3/linux-amd64": args,
        "tool/v1.2.3/linux-arm64": args,
    }
    by_hand = [line for line in notes(found)["tool:v1.2.3"] if line.startswith("tool/docker-bake")]
    assert by_hand == [
        'tool/docker-bake.hcl:16: the tag ${ "${f("x")}" } has no value',
        "tool/docker-bake.hcl:16: acme/tool:latest: write them to tags: or aliases: in image.yml",
        "tool/docker-bake.hcl:16: labels is not taken: write labels: in image.yml",
        "tool/docker-bake.hcl:21: labels is not taken: write labels: in image.yml",
        'tool/docker-bake.hcl:21: args: OTHER is equal(VERSION, "x") ? "a,b" : "]", which has no value here: '
        "--build-arg OTHER=VALUE",
    ]
    assert not found.left


def test_a_bake_file_s_paths_may_be_those_of_the_folder_read():
    text = 'target "x" {\n context = "tool"\n dockerfile = "more/Dockerfile"\n args = { VERSION = 1 }\n}\n'
    found = imported(
        {"ci/docker-bake.hcl": text, "tool/more/Dockerfile": DEBIAN + "ARG VERSION\nCOPY a /\n", "tool/a": ""}
    )
    assert not found.left and "args: VERSION, in image.yml" in notes(found)["tool:more"]


def test_bake_in_json_and_overrides():
    files = {
        "docker-bake.json": json.dumps(
            {
                "variable": {"V": {"default": "1"}},
                "target": {
                    "a": {
                        "context": "a",
                        "args": {"V": "${V}", "W": "$${V}"},
                        "tags": ["r.example/app:${V}"],
                    },
                    "b": {"inherits": ["a"], "matrix": {"x": ["1"]}},
                    "c": {"inherits": ["c"]},
                    "d": {"context": "https://example.org/x.git"},
                },
                "group": {"default": {"targets": ["a", "b", "c"]}},
            }
        ),
        "docker-bake.override.json": '{"target": {"a": {"args": {"V": "2"}}}}',
        "a/Dockerfile": DEBIAN + "ARG V W\n",
    }
    found = imported(files)
    [target] = make_plan(catalogue(found, files)).targets
    assert (target.name, dict(target.arguments)) == ("app:1", {"V": "2", "W": "${V}"})
    assert [(path, reason) for path, reason in found.left] == [
        ("docker-bake.json:1", "target b: matrix is not read"),
        ("docker-bake.json:1", "target c: it inherits itself"),
        ("docker-bake.json:1", "target d: its context https://example.org/x.git is no folder here"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("docker-bake.json", "{", "is a bake file that is not JSON"),
        ("docker-bake.json", "[]", "is a bake file that is not JSON"),
        ("docker-bake.json", "[" * 100_000, "is a bake file that is not JSON"),
        ("docker-bake.hcl", 'target "x" {', "a brace is missing, or one too many, in a bake file"),
        ("docker-bake.hcl", "}", "a brace is missing, or one too many, in a bake file"),
        ("docker-bake.hcl", "= 1", "a name is expected, in a bake file"),
        ("docker-bake.hcl", "a = " + "[" * 100, "more than 32 levels deep, in a bake file"),
        ("docker-bake.hcl", SourceFile("file", size=2_000_000), "is a bake file that cannot be read"),
    ],
)
def test_bake_files_that_are_not_read(name, text, expected):
    found = import_folder(Source.of({name: text, "a/Dockerfile": DEBIAN}), "x", project="x")
    [(path, reason)] = found.left
    assert expected in reason and path.startswith(name) and found.unread == (path,)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"a"', "a"),
        ('"a\\"\\n${x}"', 'a"\n${x}'),
        ("1.5", "1.5"),
        ("true", "true"),
        ("null", None),
        ("x", "${x}"),
        ("x.y", "${ x.y }"),
        ('f("a", [1])', '${ f("a", [1]) }'),
        ('"${f("a]", {b = "}"})}-\\""', '${ "${f("a]", {b = "}"})}-\\"" }'),
        ("[for x in y : x]", "${ [for x in y : x] }"),
        ("[1, x + 2, {a = b}]", ["1", "${ x + 2 }", {"a": "${b}"}]),
        ("[\n1,\n# c\n2\n]", ["1", "2"]),
        ('{a : 1, "b" = 2\n c = 3}', {"a": "1", "b": "2", "c": "3"}),
        ("{}", {}),
        ("[]", []),
        ("<<EOT\n a\nEOT\n", " a\n"),
        ("<<-EOT\n  a\n   b\n  EOT\n", "a\n b\n"),
        ('"a" // c', "a"),
        ('"a" /* c */', "a"),
    ],
)
def test_values_of_hcl(written, value):
    found = read_hcl(f"k = {written}\nl = 1\n")
    assert found.attributes == {"k": value, "l": "1"}


def test_positions_of_hcl():
    file = read_hcl('\ntarget "x" {\n}\ntarget y { z = 1 }\n')
    assert [(block.labels, block.line) for block in file.blocks] == [(("x",), 2), (("y",), 4)]
    with pytest.raises(HclError) as error:
        read_hcl('a = 1\ntarget "x" {\n  b = <<E\n')
    assert error.value.line == 4


def test_variables_that_name_each_other_end():
    text = 'A = "${B}${B}"\nB = "${A}${A}"\n' + 'target "t" {\n args = { X = A }\n}\n'
    found = imported({"docker-bake.hcl": text, "Dockerfile": DEBIAN + "ARG X\n"})
    assert any("X is A" in line or "X is B" in line for line in notes(found)["demo:latest"])


def test_variables_that_grow_have_no_value():
    text = "".join(f'V{n} = "${{V{n + 1}}}${{V{n + 1}}}"\n' for n in range(30)) + f'V30 = "{"x" * 3000}"\n'
    text += 'target "t" {\n args = { X = V29, Y = V28, Z = V0 }\n}\n'
    found = imported({"docker-bake.hcl": text, "Dockerfile": DEBIAN + "ARG X Y Z\n"})
    assert "args: X, in image.yml" in notes(found)["demo:latest"]
    assert sum("which has no value here" in line for line in notes(found)["demo:latest"]) == 2
