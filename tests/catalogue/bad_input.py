"""Bad input, one mistake a row: what is written, and the one problem that is reported."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = "version: 1\nproject: demo\nbases: [debian:12]\n"
GOOD: Mapping[str, str] = {
    "lockage.yml": PROJECT,
    "images/base/image.yml": "tags: [2025.09]\n",
    "images/base/Dockerfile.tmpl": "FROM debian:12\n",
    "images/app/image.yml": "versions: {node: 22.1.0}\ntags: [1.0.0]\n",
    "images/app/Dockerfile.tmpl": "FROM base:2025.09\nRUN install {{ versions.node }}\n",
}
YML, TMPL, FROM = "images/app/image.yml", "images/app/Dockerfile.tmpl", "FROM base:2025.09\n"
HEAD = "versions: {node: 22.1.0}\n"


@dataclass(frozen=True)
class Special:
    """What a text file is not: a link with its target, or one of `device`, `fifo`, `socket`, `folder`."""

    kind: str
    target: str = ""


Content = str | bytes | Special | None
Row = tuple[dict[str, Content], str]


def put(root: Path, changes: Mapping[str, Content]) -> None:
    """The good catalogue with some paths changed; None takes one away."""
    for path, content in {**GOOD, **changes}.items():
        place = root / path
        if content is None:
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Special):
            _special(place, content)
        else:
            place.write_bytes(content.encode() if isinstance(content, str) else content)


def _special(place: Path, what: Special) -> None:
    if what.kind == "link":
        place.symlink_to(what.target)
    elif what.kind == "fifo":
        os.mkfifo(place)
    elif what.kind == "device":
        os.mknod(place, 0o20666, os.makedev(1, 3))
    elif what.kind == "socket":
        folder = os.open(place.parent, os.O_DIRECTORY)
        try:
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(f"/proc/self/fd/{folder}/{place.name}")
        finally:
            os.close(folder)
    else:
        place.mkdir()


def _yml(text: str) -> dict[str, Content]:
    return {YML: text}


def _tmpl(text: str, **more: Content) -> dict[str, Content]:
    return {TMPL: text, **more}


def _bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    return "\n".join(lines + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)])


_TAG = "is not a tag (at most 128 letters, digits, '_', '.', '-'; not first '.' or '-')"
_KNOWN = "(known: linux/amd64, linux/arm64, linux/arm/v7, linux/ppc64le, linux/s390x)"
_MADE_OF = "is a device, socket or pipe (only files, folders and links)"

WRITTEN: dict[str, Row] = {
    "a key twice": (
        _yml("tags: [1.0.0]\ntitle: a\ntags: [1.1.0]\n"),
        f"{YML}:3:1: the key 'tags' is written twice",
    ),
    "a key twice, deep": (
        _yml("tags:\n  - name: 1.0.0\n    versions: {a: 1, a: 2}\n"),
        f"{YML}:3:22: the key 'a' is written twice",
    ),
    "an unknown key": (
        _yml(HEAD + "tags: [1.0.0]\nvarients: [dev]\n"),
        f"{YML}:3:1: varients: is not a known key (did you mean variants?)",
    ),
    "an unknown key of a tag": (
        _yml(HEAD + "tags:\n  - {name: 1.0.0, alias: [x]}\n"),
        f"{YML}:3:19: tags[0].alias: is not a known key (did you mean aliases?)",
    ),
    "an unknown key of the project": (
        {"lockage.yml": PROJECT + "polcy: {}\n"},
        "lockage.yml:4:1: polcy: is not a known key (did you mean policy?)",
    ),
    "a text for a list": (_yml("tags: 1.0.0\n"), f"{YML}:1:7: tags: a list is expected"),
    "a list for a mapping": (
        _yml("tags: [1.0.0]\nversions: [node]\n"),
        f"{YML}:2:11: versions: a mapping (key: value) is expected",
    ),
    "a text for a switch": (
        _yml("tags: [1.0.0]\nrootfs_copy: perhaps\n"),
        f"{YML}:2:14: rootfs_copy: true or false is expected",
    ),
    "nothing for a text": (
        _yml("tags: [1.0.0]\nversions: {node: }\n"),
        f"{YML}:2:18: versions.node: a text is expected",
    ),
    "a list for the whole": (_yml("- 1.0.0\n"), f"{YML}:1:1: a mapping (key: value) is expected"),
    "nothing at all": (_yml(""), f"{YML}:1:1: the image has no tag (write tags: [1.0.0])"),
    "no name": (_yml("tags: [{versions: {node: 1}}]\n"), f"{YML}:1:8: tags[0].name: is missing"),
    "a bad tag": (_yml("tags: [1.0.0, 1.0/1]\n"), f"{YML}:1:15: tags[1].name: '1.0/1' {_TAG}"),
    "a tag that is too long": (
        _yml(f"tags: [{'x' * 129}]\n"),
        f"{YML}:1:8: tags[0].name: '{'x' * 80}' {_TAG}",
    ),
    "a bad strategy": (
        _yml("tags: [1.0.0]\nversion_strategy: calvr\n"),
        f"{YML}:2:19: version_strategy: 'calvr' is not one of: semver, calver, numeric, lexical, explicit"
        " (did you mean calver?)",
    ),
    "a bad platform": (
        _yml("tags: [1.0.0]\nplatforms: [linux/amd64, linux/sparc]\n"),
        f"{YML}:2:26: platforms[1]: unknown platform 'linux/sparc' {_KNOWN}",
    ),
    "a bad owner": (
        _yml("tags: [1.0.0]\nrootfs_user: 'root; rm'\n"),
        f"{YML}:2:14: rootfs_user: 'root; rm' is not an owner for COPY --chown, such as 0:0 or node:node",
    ),
    "a bad size": (
        _yml("tags: [1.0.0]\ngates: {size: {max: huge}}\n"),
        f"{YML}:2:21: gates.size.max: 'huge' is not a size (such as 300MB or 250MiB)",
    ),
    "a size beyond numbers": (
        _yml(f"tags: [1.0.0]\ngates: {{size: {{max: {'9' * 500}MB}}}}\n"),
        f"{YML}:2:21: gates.size.max: '{'9' * 40}' is larger than 4 EiB",
    ),
    "a bad reference": (
        {"lockage.yml": "version: 1\nproject: demo\nbases: [debian:12, 'Debian:12']\n"},
        "lockage.yml:3:20: bases[1]: not a repository path: 'library/Debian' (lower-case letters, digits, . _ - /)",
    ),
    "a digest for a tag": (
        {"lockage.yml": f"version: 1\nproject: demo\nbases: [debian:12, 'alpine@sha256:{'0' * 64}']\n"},
        "lockage.yml:3:20: bases[1]: a digest is written here; name a tag, `lockage lock` keeps the digest",
    ),
    "another version": (
        {"lockage.yml": "version: 2\nproject: demo\nbases: [debian:12]\n"},
        "lockage.yml:1:10: version: '2' is not one of: 1",
    ),
    "not UTF-8": (_yml("tags: [1.0.0]\ntitle: été\n"), ""),
    "a bracket that is not closed": (
        _yml("tags: [1.0.0\ntitle: x\n"),
        f"{YML}:2:6: not valid YAML: did not find expected ',' or ']'",
    ),
    "a tabulator": (
        _yml("tags:\n\t- 1.0.0\n"),
        f"{YML}:2:1: not valid YAML: found character that cannot start any token",
    ),
    "two documents": (
        _yml("tags: [1.0.0]\n---\ntags: [2.0.0]\n"),
        f"{YML}:2:1: one document is expected, another starts here",
    ),
    "a merge key": (
        _yml("x: &x {a: 1}\ntags:\n  - name: 1.0.0\n    versions:\n      <<: *x\n"),
        f"{YML}:5:7: merge keys (<<) are not read (Image → Tag → Variant merges by itself)",
    ),
    "a tag that makes objects": (
        _yml("tags: [1.0.0]\nvariables: {x: !!python/object/apply:os.system [id]}\n"),
        f"{YML}:2:16: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not allowed",
    ),
    "a bomb": (_yml(_bomb()), f"{YML}:6:10: more than 100000 values once aliases are expanded"),
    "too deep": (_yml(f"tags: {'[' * 100}{']' * 100}\n"), f"{YML}:1:70: more than 64 levels deep"),
    "far too deep": (
        _yml("tags: [1.0.0]\nvariables: {a: " + "[" * 100_000),
        f"{YML}:2:78: more than 64 levels deep",
    ),
    "an alias twice": (
        _yml(HEAD + "tags:\n  - {name: 1.0.0, aliases: [stable]}\n  - {name: 1.1.0, aliases: [stable]}\n"),
        f"{YML}:4:29: tags[1].aliases[0]: the alias 'stable' already stands for 1.0.0",
    ),
    "an alias that is a tag": (
        _yml(HEAD + "tags:\n  - 1.0.0\n  - {name: 1.1.0, aliases: [1.0.0]}\n"),
        f"{YML}:4:29: tags[1].aliases[0]: the alias '1.0.0' is the name of a tag",
    ),
    "a tag twice": (
        _yml(HEAD + "tags: [1.0.0, 1.1.0, 1.0.0]\n"),
        f"{YML}:2:22: tags[2]: app:1.0.0 is already made by another entry",
    ),
    "a tag that a variant makes": (
        _yml(HEAD + "tags: [1.0.0, 1.0.0-dev]\nvariants: [dev]\n"),
        f"{YML}:2:15: tags[1]: app:1.0.0-dev is already made by the variant 'dev' of 1.0.0",
    ),
    "a template elsewhere": (
        _yml("template: ../../../etc/passwd\ntags: [1.0.0]\n"),
        f"{YML}:1:11: template: '../../../etc/passwd' is not a path below the image's folder",
    ),
    "a template that is not there": (
        _yml(HEAD + "template: Dockerfile.slim.tmpl\ntags: [1.0.0]\n"),
        f"{YML}:2:11: template: there is no Dockerfile.slim.tmpl in images/app/ (did you mean Dockerfile.tmpl?)",
    ),
}
WRITTEN["not UTF-8"] = (
    {YML: "tags: [1.0.0]\ntitle: été\n".encode("latin-1")},
    f"{YML}:2:1: the file is not UTF-8 text",
)

TEMPLATES: dict[str, Row] = {
    "a name that is not defined": (
        _tmpl(FROM + "RUN install {{ versions.nod }}\n"),
        f"{TMPL}:2:1: versions.nod is not defined (app:1.0.0) (did you mean versions.node?)",
    ),
    "a name that is not defined, in an include": (
        _tmpl(
            FROM + '{% include "_shared/node.tmpl" %}\n',
            **{"images/_shared/node.tmpl": "# install node\n\nRUN install {{ versions.nod }}\n"},
        ),
        "images/_shared/node.tmpl:3:1: versions.nod is not defined (app:1.0.0) (did you mean versions.node?)",
    ),
    "a name that is not defined, in the test": (
        {"images/app/test.yml.tpl": "schemaVersion: 2.0.0\n# {{ versions.nod }}\n"},
        "images/app/test.yml.tpl:2:1: versions.nod is not defined (app:1.0.0) (did you mean versions.node?)",
    ),
    "gates that are switched off": (
        _yml(
            f"{HEAD}tags: [1.0.0]\ngates:\n  vulnerabilities: {{fail_on: []}}\n",
        ),
        f"{YML}:{HEAD.count(chr(10)) + 3}:30: gates.vulnerabilities.fail_on: is looser than the project's policy "
        "(policy: {loosen: [fail_on]} in lockage.yml lets images do so)",
    ),
    "a misspelt key of the test": (
        {
            "images/app/test.yml.tpl": "{% for n in range(3) %}# {{ n }}\n{% endfor %}"
            "schemaVersion: 2.0.0\ncomandTests:\n  - {name: a, command: b}\n"
        },
        "images/app/test.yml.tpl:3:1: comandTests: is not a known key (app:1.0.0) (did you mean commandTests?)",
    ),
    "a test without a case": (
        {"images/app/test.yml.tpl": "# {{ tag }}\nschemaVersion: 2.0.0\ncommandTests: []\n"},
        "images/app/test.yml.tpl:1:1: the file has no test (app:1.0.0) (write commandTests, fileExistenceTests, "
        "fileContentTests, metadataTest or licenseTests, or remove it)",
    ),
    "the same in many tags": (
        {YML: HEAD + "tags: [1.0.0, 1.1.0]\nvariants: [dev]\n", TMPL: FROM + "RUN {{ versions.nod }}\n"},
        f"{TMPL}:2:1: versions.nod is not defined (app:1.0.0 and 3 more) (did you mean versions.node?)",
    ),
    "a loop without end": (
        _tmpl(FROM + "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}\n"),
        f"{TMPL}:2:1: SecurityError: more than 200000 loop turns and calls (app:1.0.0)",
    ),
    "100 MB of output": (
        _tmpl(FROM + "{% for i in range(10000) %}{{ 'x' * 10000 }}\n{% endfor %}"),
        f"{TMPL}: the rendered text is larger than 1024 KiB (app:1.0.0)",
    ),
    "100 MB in one expression": (
        _tmpl(FROM + "{{ 'x' * 100000000 }}\n"),
        f"{TMPL}:2:1: SecurityError: the result of * is too large, more than 1048576 characters or items (app:1.0.0)",
    ),
    "a large template": ({TMPL: b"#" * (1024 * 1024 + 1)}, f"{TMPL}: is larger than 1024 KiB"),
    "a template that is not UTF-8": ({TMPL: FROM.encode() + b"# \xff\n"}, f"{TMPL}: is not UTF-8 text"),
    "a character that is not Unicode": (
        _tmpl(FROM + '# {{ "\\udfff" }}\n'),
        f"{TMPL}: the rendered text has a character that is not Unicode: '\\udfff' (app:1.0.0)",
    ),
    "a statement that says nothing": (
        _tmpl(FROM + "{% if %}\n"),
        f"{TMPL}:2:1: Expected an expression, got 'end of statement block'",
    ),
    "a shell's length": (
        _tmpl(FROM + "RUN x=abc; echo ${#x}\n"),
        f"{TMPL}:2:1: Missing end of comment tag"
        " ({# begins a comment; for a shell: {% raw %}${#x}{% endraw %})",
    ),
    "a format of others": (
        _tmpl(FROM + "RUN docker inspect -f {{.Name}} x\n"),
        f"{TMPL}:2:1: unexpected '.' (for what Jinja is not to read: {{% raw %}}{{{{.Name}}}}{{% endraw %}})",
    ),
    "an include that is not there": (
        _tmpl(FROM + "{% include '_shared/atp.tmpl' %}\n", **{"images/_shared/apt.tmpl": ""}),
        f"{TMPL}:2:1: there is no template _shared/atp.tmpl (did you mean _shared/apt.tmpl?)",
    ),
    "an include beside that is not there": (
        _tmpl(
            FROM + "{% include 'npm.tmpl' %}\n",
            **{"images/app/nmp.tmpl": "", "images/app/rootfs/npm.tmp": ""},
        ),
        f"{TMPL}:2:1: there is no template npm.tmpl (did you mean nmp.tmpl?)",
    ),
    "an unknown filter": (
        _tmpl(FROM + "{{ tag | uper }}\n"),
        f"{TMPL}:2:1: No filter named 'uper'. (did you mean upper?)",
    ),
    "an unknown test": (
        _tmpl(FROM + "{% if tag is defned %}{% endif %}\n"),
        f"{TMPL}:2:1: TemplateRuntimeError: No test named 'defned' found. (app:1.0.0) (did you mean defined?)",
    ),
    "a way out of the sandbox": (
        _tmpl(FROM + "{{ ''.__class__ }}\n"),
        f"{TMPL}:2:1: SecurityError: access to attribute '__class__' of 'str' object is unsafe. (app:1.0.0)",
    ),
    "no template": (
        {TMPL: None},
        f"{YML}:2:8: tags[0]: app:1.0.0 has no template: no Dockerfile.tmpl in images/app/",
    ),
    "unknown instruction": (
        _tmpl("FRM x\nRUN y\n"),
        f"{TMPL}:1:1: FRM: unknown instruction (did you mean FROM?) (app:1.0.0)",
    ),
    "RUN before FROM": (
        _tmpl("ARG A\nRUN x\nFROM debian:12\n"),
        f"{TMPL}:2:1: RUN: is before the first FROM (app:1.0.0)",
    ),
    "unclosed heredoc": (
        _tmpl("FROM debian:12\nRUN <<EOF\nx\n"),
        f"{TMPL}:2:1: RUN: the heredoc is not closed: no line is EOF (app:1.0.0)",
    ),
    "ENV without a value": (
        _tmpl("FROM debian:12\nENV A\n"),
        f"{TMPL}:2:1: ENV: A has no value (app:1.0.0)",
    ),
    "unknown flag": (
        _tmpl("FROM debian:12\nRUN --mont=type=cache,target=/x y\n"),
        f"{TMPL}:2:1: RUN: unknown flag --mont (did you mean --mount?) (app:1.0.0)",
    ),
    "escape directive": (
        _tmpl("# escape=x\nFROM debian:12\n"),
        f"{TMPL}:1:1: directives: the escape character is \\ or `, and not x (app:1.0.0)",
    ),
    "no FROM": (_tmpl("RUN x\n"), f"{TMPL}:1:1: FROM: there is no FROM (app:1.0.0)"),
    "a base that cannot be known": (
        _tmpl("ARG V\nFROM base:$V\n"),
        f"{TMPL}:2:1: FROM: FROM base:$V is base:: give its ARG a default, or a value in args: (app:1.0.0)",
    ),
    "an unknown base": (
        _tmpl("# app\nFROM bsae:2025.09\n"),
        f"{TMPL}:2:1: FROM: unknown base bsae:2025.09 (app:1.0.0) (did you mean base:2025.09?"
        " or add docker.io/library/bsae:2025.09 to bases: in lockage.yml)",
    ),
    "an unknown tag of a base": (
        _tmpl("FROM base:2025.9\n"),
        f"{TMPL}:1:1: FROM: unknown base base:2025.9: the catalogue's base has no tag 2025.9 (app:1.0.0)"
        " (did you mean base:2025.09?)",
    ),
    "an unknown image elsewhere": (
        _tmpl(FROM + "\nCOPY --from=quay.io/acme/x:1 / /\n"),
        f"{TMPL}:3:1: COPY: unknown base quay.io/acme/x:1 (app:1.0.0) (add quay.io/acme/x:1 to bases: in lockage.yml)",
    ),
    "a bad reference in FROM": (
        _tmpl("FROM Base:2025.09\n"),
        f"{TMPL}:1:1: FROM: not a repository path: 'library/Base' (lower-case letters, digits, . _ - /) (app:1.0.0)",
    ),
    "a base for other platforms": (
        {"images/base/image.yml": "tags: [2025.09]\nplatforms: [linux/arm64]\n"},
        f"{TMPL}:1:1: FROM: base:2025.09 is not made for linux/amd64 (app:1.0.0) (it is made for linux/arm64)",
    ),
    "an escaped --from": (
        _tmpl(FROM + "COPY --from=debian\\:12 / /\n"),
        f"{TMPL}:2:1: FROM: debian:12: write the image's name without quotes and escapes (app:1.0.0)",
    ),
    "a cycle": (
        {"images/base/Dockerfile.tmpl": "# base\nFROM app:1.0.0\n"},
        "images/base/Dockerfile.tmpl:2:1: FROM: cycle: app:1.0.0 → base:2025.09 → app:1.0.0"
        " (base one of them on another image)",
    ),
    "an image on itself": (
        _tmpl("FROM app:1.0.0\n"),
        f"{TMPL}:1:1: FROM: cycle: app:1.0.0 → app:1.0.0 (base one of them on another image)",
    ),
    "COPY of a file that is not there": (
        _tmpl(FROM + "COPY app.py /srv/\n"),
        f"{TMPL}:2:1: COPY: app.py is not in the build context (app:1.0.0)"
        " (only rootfs/ is: put it into images/app/rootfs/)",
    ),
    "COPY from above": (
        _tmpl(FROM + "COPY ../../base/image.yml /srv/\n"),
        f"{TMPL}:2:1: COPY: ../../base/image.yml is not in the build context (app:1.0.0)"
        " (only rootfs/ is: put it into images/app/rootfs/)",
    ),
}

FOLDERS: dict[str, Row] = {
    "a stray folder": (
        {YML: HEAD + "tags: [1.0.0]\nvariants: [dev]\n", "images/app/dve/Dockerfile.tmpl": FROM},
        "images/app/dve: holds Dockerfile.tmpl and is the folder of no version, tag or variant (did you mean dev?)",
    ),
    "a stray rootfs": (
        {"images/app/1.0.1/rootfs/x": "x"},
        "images/app/1.0.1: holds rootfs/ and is the folder of no version, tag or variant (did you mean 1.0.0?)",
    ),
    "lockage.yml as a link": (
        {"lockage.yml": Special("link", "../secret.yml"), "../secret.yml": "password: hunter2\n"},
        "lockage.yml: is a symbolic link (a file is expected)",
    ),
    "lockage.lock as a link": (
        {"lockage.lock": Special("link", "../secret.yml"), "../secret.yml": "password: hunter2\n"},
        "lockage.lock: is a symbolic link (a file is expected)",
    ),
    "image.yml as a link": (
        {YML: Special("link", "../base/image.yml")},
        f"{YML}: is a symbolic link (a file is expected)",
    ),
    "image.yml as a folder": ({YML: Special("folder")}, f"{YML}: is a dir (a file is expected)"),
    "image.yml too large": ({YML: b"#" * (1024 * 1024 + 1)}, f"{YML}: is larger than 1024 KiB"),
    "a template as a link": ({TMPL: Special("link", "/etc/passwd")}, f"{TMPL}: is not a file"),
    "a template as a pipe": ({TMPL: Special("fifo")}, f"{TMPL}: is not a file"),
    "a pipe": ({"images/app/rootfs/run/pipe": Special("fifo")}, f"images/app/rootfs/run/pipe: {_MADE_OF}"),
    "a socket": (
        {"images/app/rootfs/run/sock": Special("socket")},
        f"images/app/rootfs/run/sock: {_MADE_OF}",
    ),
    "a device": (
        {"images/app/rootfs/dev/null": Special("device")},
        f"images/app/rootfs/dev/null: {_MADE_OF}",
    ),
    "rootfs as a link": (
        {"images/app/rootfs": Special("link", "/etc")},
        "images/app/rootfs: is a symbolic link (rootfs must be a folder)",
    ),
    "a name twice": (
        {
            "images/other/image.yml": "name: app\ntags: [9.0.0]\n",
            "images/other/Dockerfile.tmpl": "FROM debian:12\n",
        },
        "images/other/image.yml:1:7: name: the image 'app' is already in images/app/",
    ),
    "no image.yml": ({"images/tool/Dockerfile.tmpl": "FROM debian:12\n"}, "images/tool: holds no image.yml"),
    "another ending": (
        {YML: None, "images/app/image.yaml": "tags: [1.0.0]\n"},
        "images/app: holds no image.yml (rename image.yaml to image.yml)",
    ),
    "no image": (
        dict.fromkeys(path for path in GOOD if path.startswith("images/")),
        "images/: holds no image (write images/<name>/image.yml)",
    ),
    "a name that is not UTF-8": (
        {os.fsdecode(b"images/app/rootfs/\xff"): "x"},
        "images/app/rootfs/?: the name is not UTF-8",
    ),
    "a damaged lock": (
        {"lockage.lock": '{"format_version": 1,\n'},
        "lockage.lock:2:1: not valid JSON: Expecting property name enclosed in double quotes:"
        " line 2 column 1 (char 22)",
    ),
}

ROWS: dict[str, Row] = {**WRITTEN, **TEMPLATES, **FOLDERS}
