"""The catalogue of `init`: a base image, an application on it, and tests for both, ready to build. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline.errors import UsageError
from pipeline.plan.output.disk import Generated

from .project import PROJECT_HEAD

SCHEMAS = ".lockage"  # the folder of the schemas that the files refer to, for editors
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_LONGEST = 40

_PROJECT = (
    PROJECT_HEAD
    + """\

# Every image from elsewhere that a FROM may name; digests are kept in lockage.lock.
bases:
  - docker.io/library/debian:bookworm-slim

policy:
  vulnerabilities:
    fail_on: [CRITICAL, HIGH]
    unfixed: warn  # what no version fixes yet is noted; fail closes the gate
    # What may pass until a day, who decided it, and why:
    # ignore:
    #   - {{id: CVE-2026-0001, package: zlib1g, owner: me, reason: not reachable, expires: 2027-06-30}}
  secrets: fail
"""
)

_IMAGE = "# yaml-language-server: $schema=../../.lockage/image.schema.json\n"

_BASE = """\
title: Base
description: Debian with a user to run as
versions:
  debian: bookworm
variables:
  user: app
  uid: 10001
tags:
  - 1.0.0
"""

_BASE_DOCKERFILE = """\
FROM debian:{{ versions.debian }}-slim
RUN groupadd --gid {{ variables.uid }} {{ variables.user }} \\
    && useradd --uid {{ variables.uid }} --gid {{ variables.uid }} --create-home {{ variables.user }}
ENV LANG=C.UTF-8
"""

_BASE_TEST = """\
schemaVersion: 2.0.0
commandTests:
  - name: there is a user to run as
    command: id
    args: [{{ variables.user }}]
    expectedOutput: ["uid={{ variables.uid }}"]
metadataTest:
  envVars:
    - {key: LANG, value: C.UTF-8}
"""

_APP = """\
title: App
description: Says hello
versions:
  base: 1.0.0
variables:
  user: app
tags:
  - 0.1.0
"""

_APP_DOCKERFILE = """\
# rootfs/ is copied behind FROM by itself
FROM base:{{ versions.base }}
USER {{ variables.user }}
CMD ["hello"]
"""

_APP_TEST = """\
schemaVersion: 2.0.0
commandTests:
  - name: it says hello
    command: hello
    expectedOutput: ["Hello from {{ image }}"]
metadataTest:
  user: {{ variables.user }}
  cmd: [hello]
"""

_HELLO = """\
#!/bin/sh
echo "Hello from app"
"""

GITIGNORE = ("dist/",)


def project_name(text: str) -> str:
    """A project's name from a folder's: lower case, invalid characters as `-`; `project` if nothing is left."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST].strip("-")
    return name or "project"


def check_name(name: str) -> str:
    """The name, if it is valid. Raises UsageError."""
    if _NAME.fullmatch(name) and len(name) <= 128:
        return name
    raise UsageError(
        f"{name[:80]!r} is not a project's name (lower-case letters and digits, with . _ -)",
        hint=f"--project {project_name(name)}",
    )


def first_catalogue(project: str, schemas: Mapping[str, str]) -> Mapping[str, Generated]:
    """The files of a new catalogue by path; `schemas` are the texts of JSON Schemas by kind."""
    texts = {
        "images/app/Dockerfile.tmpl": _APP_DOCKERFILE,
        "images/app/image.yml": _IMAGE + _APP,
        "images/app/test.yml.tpl": _APP_TEST,
        "images/base/Dockerfile.tmpl": _BASE_DOCKERFILE,
        "images/base/image.yml": _IMAGE + _BASE,
        "images/base/test.yml.tpl": _BASE_TEST,
        **schema_files(schemas),
        "lockage.yml": _PROJECT.format(project=project),
    }
    files = {path: Generated("file", content=text.encode()) for path, text in texts.items()}
    hello = Generated("file", 0o755, _HELLO.encode())
    return dict(sorted({**files, "images/app/rootfs/usr/local/bin/hello": hello}.items()))


def schema_files(schemas: Mapping[str, str]) -> dict[str, str]:
    """The schemas' files by path."""
    return {f"{SCHEMAS}/{kind}.schema.json": text for kind, text in schemas.items()}


def gitignore(present: str) -> str:
    """A .gitignore with the catalogue's entries added; unchanged if it has them all."""
    lines = {line.strip().strip("/") for line in present.splitlines()}
    missing = [line for line in GITIGNORE if line.strip("/") not in lines]
    if not missing:
        return present
    newline = "" if not present or present.endswith("\n") else "\n"
    return present + newline + "".join(f"{line}\n" for line in missing)
