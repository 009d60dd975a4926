"""Compose and bake files, as `lockage import` finds them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from pipeline.catalogue import Source
from pipeline.importing import import_folder
from pipeline.importing.declared import find_declared
from pipeline.plan import make_plan
from tests.fuzz.hostile import changed_texts, to_bytes
from tests.fuzz.target import Target

_COMPOSE = [
    "services:\n  a:\n    image: r.example/x:${T:-1}\n    build: {context: a, target: s, args: {A: 1}}\n",
    "x: &x {args: [A=1, B]}\nservices: {a: {build: {<<: *x, platforms: [linux/arm64]}}, b: {build: ./a}}\n",
    "services: {a: {extends: b}, b: {build: a}}\ninclude: [c]\n",
]
_BAKE = [
    'variable "V" { default = "1" }\ntarget "a" {\n  context = "a"\n  args = { A = V, B = "${V}-${W}" }\n}\n',
    'group "default" { targets = ["b"] }\ntarget "a" {}\ntarget "b" { inherits = ["a"]\n tags = ["x/y:${V}"] }\n',
    'target "a" {\n  dockerfile = <<-E\n    Dockerfile\n  E\n  args = { A = x ? 1 : [2], B = f("a") }\n}\n',
]
_JSON = [
    '{"variable": {"V": {"default": "1"}}, "target": {"a": {"context": "a", "args": {"A": "${V}"}, "tags": ["y"]}}}',
    '{"group": {"g": {"targets": ["a"]}}, "target": {"a": {"inherits": ["b"]}, "b": {"inherits": ["a"], "args": 1}}}',
]
_TOKENS = [
    *(
        "${",
        "}",
        "$",
        "$$",
        "${V}",
        "${A:-b}",
        '"',
        "'",
        "{",
        "[",
        "]",
        "<<: *x",
        "*x",
        "&y ",
        "<<E\n",
        "\nE\n",
    ),
    *(
        "..",
        "../a",
        "/",
        "target",
        "inherits",
        "matrix",
        "null",
        "for ",
        "#",
        "//",
        "/*",
        "\n",
        ",",
        "=",
        "\\",
        "[" * 200,
    ),
]
_INPUTS = (
    changed_texts(_COMPOSE, _TOKENS).map(lambda text: "c" + text)
    | changed_texts(_BAKE, _TOKENS).map(lambda text: "h" + text)
    | changed_texts(_JSON, _TOKENS).map(lambda text: "j" + text)
)
_NAMES = {"c": "compose.yaml", "h": "docker-bake.hcl", "j": "docker-bake.json"}
_DOCKERFILE = "ARG A\nFROM debian:12 AS s\nARG B\nFROM s\n"


def read_build_file(content: bytes, folder: Path) -> None:
    """A folder with the file: whatever it declares, the catalogue plans."""
    name = _NAMES.get(content[:1].decode("latin-1"), "docker-bake.hcl")
    files = {name: content[1:], "a/Dockerfile": _DOCKERFILE, "Dockerfile": _DOCKERFILE}
    source = Source.of(files)
    for build in find_declared(source).builds:
        assert source.files[build.dockerfile].kind == "file"
        assert not build.context or source.is_dir(build.context)
    found = import_folder(source, "x", project="demo")
    texts = {path: file.content for path, file in found.files.items() if file.content is not None}
    if texts:
        make_plan(Source.of(texts))


TARGETS = (Target("build-files", st.builds(to_bytes, _INPUTS), read_build_file, examples=200),)
