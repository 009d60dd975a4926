"""Bad templates, one mistake a row."""

from __future__ import annotations

from .good import FROM, HEAD, TMPL, YML, Row, tmpl, yml

TEMPLATES: dict[str, Row] = {
    "a name that is not defined": (
        tmpl(FROM + "RUN install {{ versions.nod }}\n"),
        f"{TMPL}:2:1: versions.nod is not defined (app:1.0.0) (did you mean versions.node?)",
    ),
    "a name that is not defined, in an include": (
        tmpl(
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
        yml(
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
        tmpl(FROM + "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}\n"),
        f"{TMPL}:2:1: SecurityError: more than 200000 loop turns and calls (app:1.0.0)",
    ),
    "100 MB of output": (
        tmpl(FROM + "{% for i in range(10000) %}{{ 'x' * 10000 }}\n{% endfor %}"),
        f"{TMPL}: the rendered text is larger than 1024 KiB (app:1.0.0)",
    ),
    "100 MB in one expression": (
        tmpl(FROM + "{{ 'x' * 100000000 }}\n"),
        f"{TMPL}:2:1: SecurityError: the result of * is too large, more than 1048576 characters or items (app:1.0.0)",
    ),
    "a large template": ({TMPL: b"#" * (1024 * 1024 + 1)}, f"{TMPL}: is larger than 1024 KiB"),
    "a template that is not UTF-8": ({TMPL: FROM.encode() + b"# \xff\n"}, f"{TMPL}: is not UTF-8 text"),
    "a character that is not Unicode": (
        tmpl(FROM + '# {{ "\\udfff" }}\n'),
        f"{TMPL}: the rendered text has a character that is not Unicode: '\\udfff' (app:1.0.0)",
    ),
    "a statement that says nothing": (
        tmpl(FROM + "{% if %}\n"),
        f"{TMPL}:2:1: Expected an expression, got 'end of statement block'",
    ),
    "a shell's length": (
        tmpl(FROM + "RUN x=abc; echo ${#x}\n"),
        f"{TMPL}:2:1: Missing end of comment tag"
        " ({# begins a comment; for a shell: {% raw %}${#x}{% endraw %})",
    ),
    "a format of others": (
        tmpl(FROM + "RUN docker inspect -f {{.Name}} x\n"),
        f"{TMPL}:2:1: unexpected '.' (for what Jinja is not to read: {{% raw %}}{{{{.Name}}}}{{% endraw %}})",
    ),
    "an include that is not there": (
        tmpl(FROM + "{% include '_shared/atp.tmpl' %}\n", **{"images/_shared/apt.tmpl": ""}),
        f"{TMPL}:2:1: there is no template _shared/atp.tmpl (did you mean _shared/apt.tmpl?)",
    ),
    "an include beside that is not there": (
        tmpl(
            FROM + "{% include 'npm.tmpl' %}\n",
            **{"images/app/nmp.tmpl": "", "images/app/rootfs/npm.tmp": ""},
        ),
        f"{TMPL}:2:1: there is no template npm.tmpl (did you mean nmp.tmpl?)",
    ),
    "an unknown filter": (
        tmpl(FROM + "{{ tag | uper }}\n"),
        f"{TMPL}:2:1: No filter named 'uper'. (did you mean upper?)",
    ),
    "an unknown test": (
        tmpl(FROM + "{% if tag is defned %}{% endif %}\n"),
        f"{TMPL}:2:1: TemplateRuntimeError: No test named 'defned' found. (app:1.0.0) (did you mean defined?)",
    ),
    "a way out of the sandbox": (
        tmpl(FROM + "{{ ''.__class__ }}\n"),
        f"{TMPL}:2:1: SecurityError: access to attribute '__class__' of 'str' object is unsafe. (app:1.0.0)",
    ),
    "no template": (
        {TMPL: None},
        f"{YML}:2:8: tags[0]: app:1.0.0 has no template: no Dockerfile.tmpl in images/app/",
    ),
    "unknown instruction": (
        tmpl("FRM x\nRUN y\n"),
        f"{TMPL}:1:1: FRM: unknown instruction (did you mean FROM?) (app:1.0.0)",
    ),
    "RUN before FROM": (
        tmpl("ARG A\nRUN x\nFROM debian:12\n"),
        f"{TMPL}:2:1: RUN: is before the first FROM (app:1.0.0)",
    ),
    "unclosed heredoc": (
        tmpl("FROM debian:12\nRUN <<EOF\nx\n"),
        f"{TMPL}:2:1: RUN: the heredoc is not closed: no line is EOF (app:1.0.0)",
    ),
    "ENV without a value": (
        tmpl("FROM debian:12\nENV A\n"),
        f"{TMPL}:2:1: ENV: A has no value (app:1.0.0)",
    ),
    "unknown flag": (
        tmpl("FROM debian:12\nRUN --mont=type=cache,target=/x y\n"),
        f"{TMPL}:2:1: RUN: unknown flag --mont (did you mean --mount?) (app:1.0.0)",
    ),
    "escape directive": (
        tmpl("# escape=x\nFROM debian:12\n"),
        f"{TMPL}:1:1: directives: the escape character is \\ or `, and not x (app:1.0.0)",
    ),
    "no FROM": (tmpl("RUN x\n"), f"{TMPL}:1:1: FROM: there is no FROM (app:1.0.0)"),
    "a base that cannot be known": (
        tmpl("ARG V\nFROM base:$V\n"),
        f"{TMPL}:2:1: FROM: FROM base:$V is base:: give its ARG a default, or a value in args: (app:1.0.0)",
    ),
    "an unknown base": (
        tmpl("# app\nFROM bsae:2025.09\n"),
        f"{TMPL}:2:1: FROM: unknown base bsae:2025.09 (app:1.0.0) (did you mean base:2025.09?"
        " or add docker.io/library/bsae:2025.09 to bases: in lockage.yml)",
    ),
    "an unknown tag of a base": (
        tmpl("FROM base:2025.9\n"),
        f"{TMPL}:1:1: FROM: unknown base base:2025.9: the catalogue's base has no tag 2025.9 (app:1.0.0)"
        " (did you mean base:2025.09?)",
    ),
    "an unknown image elsewhere": (
        tmpl(FROM + "\nCOPY --from=quay.io/acme/x:1 / /\n"),
        f"{TMPL}:3:1: COPY: unknown base quay.io/acme/x:1 (app:1.0.0) (add quay.io/acme/x:1 to bases: in lockage.yml)",
    ),
    "a bad reference in FROM": (
        tmpl("FROM Base:2025.09\n"),
        f"{TMPL}:1:1: FROM: not a repository path: 'library/Base' (lower-case letters, digits, . _ - /) (app:1.0.0)",
    ),
    "a base for other platforms": (
        {"images/base/image.yml": "tags: [2025.09]\nplatforms: [linux/arm64]\n"},
        f"{TMPL}:1:1: FROM: base:2025.09 is not made for linux/amd64 (app:1.0.0) (it is made for linux/arm64)",
    ),
    "an escaped --from": (
        tmpl(FROM + "COPY --from=debian\\:12 / /\n"),
        f"{TMPL}:2:1: FROM: debian:12: write the image's name without quotes and escapes (app:1.0.0)",
    ),
    "a cycle": (
        {"images/base/Dockerfile.tmpl": "# base\nFROM app:1.0.0\n"},
        "images/base/Dockerfile.tmpl:2:1: FROM: cycle: app:1.0.0 → base:2025.09 → app:1.0.0"
        " (base one of them on another image)",
    ),
    "an image on itself": (
        tmpl("FROM app:1.0.0\n"),
        f"{TMPL}:1:1: FROM: cycle: app:1.0.0 → app:1.0.0 (base one of them on another image)",
    ),
    "COPY of a file that is not there": (
        tmpl(FROM + "COPY app.py /srv/\n"),
        f"{TMPL}:2:1: COPY: app.py is not in the build context (app:1.0.0)"
        " (only rootfs/ is: put it into images/app/rootfs/)",
    ),
    "COPY from above": (
        tmpl(FROM + "COPY ../../base/image.yml /srv/\n"),
        f"{TMPL}:2:1: COPY: ../../base/image.yml is not in the build context (app:1.0.0)"
        " (only rootfs/ is: put it into images/app/rootfs/)",
    ),
}
