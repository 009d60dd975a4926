"""Bad input, one mistake a row: what is written, and the one problem that is reported."""

from __future__ import annotations

import os

from .good import FROM, GOOD, HEAD, PROJECT, TMPL, YML, Row, Special, yml
from .templates import TEMPLATES


def _bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    return "\n".join(lines + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)])


_TAG = "is not a tag (at most 128 letters, digits, '_', '.', '-'; not first '.' or '-')"
_KNOWN = "(known: linux/amd64, linux/arm64, linux/arm/v7, linux/ppc64le, linux/s390x)"
_MADE_OF = "is a device, socket or pipe (only files, folders and links)"

WRITTEN: dict[str, Row] = {
    "a key twice": (
        yml("tags: [1.0.0]\ntitle: a\ntags: [1.1.0]\n"),
        f"{YML}:3:1: the key 'tags' is written twice",
    ),
    "a key twice, deep": (
        yml("tags:\n  - name: 1.0.0\n    versions: {a: 1, a: 2}\n"),
        f"{YML}:3:22: the key 'a' is written twice",
    ),
    "an unknown key": (
        yml(HEAD + "tags: [1.0.0]\nvarients: [dev]\n"),
        f"{YML}:3:1: varients: is not a known key (did you mean variants?)",
    ),
    "an unknown key of a tag": (
        yml(HEAD + "tags:\n  - {name: 1.0.0, alias: [x]}\n"),
        f"{YML}:3:19: tags[0].alias: is not a known key (did you mean aliases?)",
    ),
    "an unknown key of the project": (
        {"lockage.yml": PROJECT + "polcy: {}\n"},
        "lockage.yml:4:1: polcy: is not a known key (did you mean policy?)",
    ),
    "a text for a list": (yml("tags: 1.0.0\n"), f"{YML}:1:7: tags: a list is expected"),
    "a list for a mapping": (
        yml("tags: [1.0.0]\nversions: [node]\n"),
        f"{YML}:2:11: versions: a mapping (key: value) is expected",
    ),
    "a text for a switch": (
        yml("tags: [1.0.0]\nrootfs_copy: perhaps\n"),
        f"{YML}:2:14: rootfs_copy: true or false is expected",
    ),
    "nothing for a text": (
        yml("tags: [1.0.0]\nversions: {node: }\n"),
        f"{YML}:2:18: versions.node: a text is expected",
    ),
    "a list for the whole": (yml("- 1.0.0\n"), f"{YML}:1:1: a mapping (key: value) is expected"),
    "nothing at all": (yml(""), f"{YML}:1:1: the image has no tag (write tags: [1.0.0])"),
    "no name": (yml("tags: [{versions: {node: 1}}]\n"), f"{YML}:1:8: tags[0].name: is missing"),
    "a bad tag": (yml("tags: [1.0.0, 1.0/1]\n"), f"{YML}:1:15: tags[1].name: '1.0/1' {_TAG}"),
    "a tag that is too long": (
        yml(f"tags: [{'x' * 129}]\n"),
        f"{YML}:1:8: tags[0].name: '{'x' * 80}' {_TAG}",
    ),
    "a bad strategy": (
        yml("tags: [1.0.0]\nversion_strategy: calvr\n"),
        f"{YML}:2:19: version_strategy: 'calvr' is not one of: semver, calver, numeric, lexical, explicit"
        " (did you mean calver?)",
    ),
    "a bad platform": (
        yml("tags: [1.0.0]\nplatforms: [linux/amd64, linux/sparc]\n"),
        f"{YML}:2:26: platforms[1]: unknown platform 'linux/sparc' {_KNOWN}",
    ),
    "a bad owner": (
        yml("tags: [1.0.0]\nrootfs_user: 'root; rm'\n"),
        f"{YML}:2:14: rootfs_user: 'root; rm' is not an owner for COPY --chown, such as 0:0 or node:node",
    ),
    "a bad size": (
        yml("tags: [1.0.0]\ngates: {size: {max: huge}}\n"),
        f"{YML}:2:21: gates.size.max: 'huge' is not a size (such as 300MB or 250MiB)",
    ),
    "a size beyond numbers": (
        yml(f"tags: [1.0.0]\ngates: {{size: {{max: {'9' * 500}MB}}}}\n"),
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
    "not UTF-8": (yml("tags: [1.0.0]\ntitle: été\n"), ""),
    "a bracket that is not closed": (
        yml("tags: [1.0.0\ntitle: x\n"),
        f"{YML}:2:6: not valid YAML: did not find expected ',' or ']'",
    ),
    "a tabulator": (
        yml("tags:\n\t- 1.0.0\n"),
        f"{YML}:2:1: not valid YAML: found character that cannot start any token",
    ),
    "two documents": (
        yml("tags: [1.0.0]\n---\ntags: [2.0.0]\n"),
        f"{YML}:2:1: one document is expected, another starts here",
    ),
    "a merge key": (
        yml("x: &x {a: 1}\ntags:\n  - name: 1.0.0\n    versions:\n      <<: *x\n"),
        f"{YML}:5:7: merge keys (<<) are not read (Image → Tag → Variant merges by itself)",
    ),
    "a tag that makes objects": (
        yml("tags: [1.0.0]\nvariables: {x: !!python/object/apply:os.system [id]}\n"),
        f"{YML}:2:16: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not allowed",
    ),
    "a bomb": (yml(_bomb()), f"{YML}:6:10: more than 100000 values once aliases are expanded"),
    "too deep": (yml(f"tags: {'[' * 100}{']' * 100}\n"), f"{YML}:1:70: more than 64 levels deep"),
    "far too deep": (
        yml("tags: [1.0.0]\nvariables: {a: " + "[" * 100_000),
        f"{YML}:2:78: more than 64 levels deep",
    ),
    "an alias twice": (
        yml(HEAD + "tags:\n  - {name: 1.0.0, aliases: [stable]}\n  - {name: 1.1.0, aliases: [stable]}\n"),
        f"{YML}:4:29: tags[1].aliases[0]: the alias 'stable' already stands for 1.0.0",
    ),
    "an alias that is a tag": (
        yml(HEAD + "tags:\n  - 1.0.0\n  - {name: 1.1.0, aliases: [1.0.0]}\n"),
        f"{YML}:4:29: tags[1].aliases[0]: the alias '1.0.0' is the name of a tag",
    ),
    "a tag twice": (
        yml(HEAD + "tags: [1.0.0, 1.1.0, 1.0.0]\n"),
        f"{YML}:2:22: tags[2]: app:1.0.0 is already made by another entry",
    ),
    "a tag that a variant makes": (
        yml(HEAD + "tags: [1.0.0, 1.0.0-dev]\nvariants: [dev]\n"),
        f"{YML}:2:15: tags[1]: app:1.0.0-dev is already made by the variant 'dev' of 1.0.0",
    ),
    "a template elsewhere": (
        yml("template: ../../../etc/passwd\ntags: [1.0.0]\n"),
        f"{YML}:1:11: template: '../../../etc/passwd' is not a path below the image's folder",
    ),
    "a template that is not there": (
        yml(HEAD + "template: Dockerfile.slim.tmpl\ntags: [1.0.0]\n"),
        f"{YML}:2:11: template: there is no Dockerfile.slim.tmpl in images/app/ (did you mean Dockerfile.tmpl?)",
    ),
}
WRITTEN["not UTF-8"] = (
    {YML: "tags: [1.0.0]\ntitle: été\n".encode("latin-1")},
    f"{YML}:2:1: the file is not UTF-8 text",
)

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
