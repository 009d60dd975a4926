"""A large catalogue as a real one is: chains, variants, aliases, rootfs/, shared parts, tests; and its bake file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

BASE = "debian:12"
_CHAIN = 10  # images in a row based on each other

_PROJECT = f"version: 1\nproject: large\nsource: https://example.com/large\nbases: [{BASE}]\n"
_ODD = """\
title: Image {n}
versions:
  base: {base}
  tool: 1.{n}.0
variables: {{packages: [curl, git, jq], user: app}}
tags:
  - name: 1.0.0
    aliases: [stable]
  - name: 1.1.0
    versions: {{tool: 1.{n}.1}}
  - 2.0.0
  - 2.1.0
"""
_EVEN = """\
title: Image {n}
versions: {{base: '{base}', tool: 1.{n}.0}}
variables: {{packages: [curl], user: app}}
tags: [1.0.0, 1.1.0, 2.0.0]
variants:
  - name: dev
    variables: {{packages: [curl, gdb]}}
"""
_DOCKERFILE = """\
# image {n}
FROM {{{{ versions.base }}}}
{include}RUN apt-get update \\
    && apt-get install --yes {{{{ variables.packages | join(' ') }}}} \\
    && rm -rf /var/lib/apt/lists/*
ENV TOOL={{{{ versions.tool }}}} IMAGE={{{{ image }}}}
{{% if variant %}}RUN echo {{{{ variant }}}}
{{% endif %}}{odd}USER {{{{ variables.user }}}}
WORKDIR /home/{{{{ variables.user }}}}
CMD ["sh"]
"""
_FOR_JINJA2 = "{% set port = 8000 + 80 %}EXPOSE {{ port }}\n"
_TEST = """\
schemaVersion: 2.0.0
commandTests:
  - name: tool {n} is {{{{ versions.tool }}}}
    command: tool
    args: [--version]
    expectedOutput: ["^{{{{ versions.tool | replace('.', '\\\\\\\\.') }}}}$"]
{{%- if variant == "dev" %}}
  - name: the debugger is there
    command: gdb
    args: [--version]
{{%- endif %}}
"""


def write(root: Path, images: int = 1000) -> None:
    """A catalogue of so many images, seven tags of each two, in which every image has templates of its own."""
    for path, text in _files(images):
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def _files(images: int) -> Iterator[tuple[str, str]]:
    yield "lockage.yml", _PROJECT
    digest = {"digest": "sha256:" + "0" * 64}
    yield "lockage.lock", json.dumps({"format_version": 1, "images": {f"docker.io/library/{BASE}": digest}})
    yield "images/_shared/apt.tmpl", "ENV DEBIAN_FRONTEND=noninteractive\n"
    for n in range(images):
        folder = f"images/image{n:04}"
        base = f"image{n - 1:04}:1" if n % _CHAIN else BASE
        include = '{% include "_shared/apt.tmpl" %}\n' if n % 4 == 0 else ""
        odd = _FOR_JINJA2 if n % 20 == 0 else ""
        yield f"{folder}/image.yml", (_ODD if n % 2 else _EVEN).format(n=n, base=base)
        yield f"{folder}/Dockerfile.tmpl", _DOCKERFILE.format(n=n, include=include, odd=odd)
        if n % 10:
            yield f"{folder}/test.yml.tpl", _TEST.format(n=n)
        if n % 3 == 0:
            yield f"{folder}/rootfs/etc/info", f"image {n}\n"


def bake_file(plan: Mapping[str, Any], dist: str) -> str:
    """The same targets for `docker buildx bake`, as its JSON wants them: contexts, tags, labels, bases as contexts."""
    targets = {}
    for target in plan["targets"]:
        bases = {b["name"]: f"target:{_name(b['target'])}" for b in target["bases"] if "target" in b}
        targets[_name(target["id"])] = {
            "context": f"{dist}/{target['image']}/{target['tag']}",
            "contexts": bases,
            "labels": target["labels"],
            "platforms": [target["platform"]],
            "tags": [f"localhost:5000/dev/{target['image']}:{tag}" for tag in target["tags"]],
        }
    return json.dumps({"group": {"default": {"targets": list(targets)}}, "target": targets}, indent=1)


def _name(identity: str) -> str:
    return identity.replace("/", "_").replace(".", "-")
