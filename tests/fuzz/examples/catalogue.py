"""A catalogue's files as people write them, and parts of YAML and of templates that go into them."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parents[3]
DIGEST = "sha256:" + "5" * 64
PROJECT = {
    "version": 1,
    "project": "demo",
    "registry": "ghcr.io",
    "environments": [
        {"name": "dev", "repository": "dev/{image}"},
        {"name": "prod", "repository": "acme/prod/{image}"},
    ],
    "builds": "ghcr.io/acme/builds",
    "platforms": ["linux/amd64", "linux/arm64"],
    "bases": ["debian:12", "ghcr.io/acme/tools:1"],
    "tools": {"syft": "docker.io/anchore/syft:v1.18.1"},
    "vulnerability_db": "ghcr.io/aquasecurity/trivy-db:2",
    "commit_tags": ["ci-{sha}-{tag}"],
    "secrets": {"npm": {"env": "NPM_TOKEN"}},
    "policy": {
        "vulnerabilities": {
            "fail_on": ["CRITICAL"],
            "ignore": [{"id": "CVE-2099-0001", "owner": "team", "reason": "none", "expires": "2027-12-31"}],
        },
        "secrets": "fail",
        "size": {"max": "300MB"},
    },
}
IMAGES = [
    {
        "name": "app",
        "title": "App",
        "version_strategy": "semver",
        "versions": {"node": "22.1.0"},
        "variables": {"packages": ["a", "b"], "deep": {"x": 1, "y": True}},
        "platforms": ["linux/amd64"],
        "tags": [{"name": "1.0.0", "versions": {"node": "20.1.0"}, "aliases": ["stable"]}, "1.1.0"],
        "variants": [{"name": "dev", "suffix": "-dev", "variables": {"x": 1}}],
        "args": {"V": "1"},
        "labels": {"com.example.x": "y"},
        "rootfs_user": "0:0",
        "gates": {"size": {"max": "300MB"}},
    },
    {"tags": ["2025.09", "2025.10"], "version_strategy": "calver", "versions": {"node": "1"}},
    {"tags": [{"name": "1.0.0", "external": "debian:12"}]},
]
YAML_TEXTS = [
    *(path.read_text("utf-8") for path in sorted(_HERE.glob("images/*/image.yml"))),
    (_HERE / "lockage.yml").read_text("utf-8"),
    "versions: {node: 22.1.0}\ntags:\n  - &a\n    name: 1.0.0\n  - name: 1.1.0\n    versions: {node: *v}\n",
    "tags: [1.0.0]\nversions:\n  node: |\n    22\nvariables:\n  a: >-\n    x\n  b: 'it''s'\n",
]
YAML_TOKENS = [
    *(
        "&a ",
        "*a",
        "<<: *a",
        "!!binary ",
        "!!python/object:os.system ",
        "!!str ",
        "!<x> ",
        "! ",
        "---\n",
        "...\n",
        "? ",
    ),
    *(
        "%YAML 1.1\n---\n",
        "%TAG ! x\n",
        ": ",
        "- ",
        "\t",
        "|\n",
        ">-\n",
        "|9\n",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "# c\n",
        "\\x",
    ),
    *(
        '"\\u0000"',
        '"\\ud800"',
        '"\\U0010ffff"',
        "'",
        '"',
        "~",
        "null",
        "0o17",
        "12:30:45",
        ".inf",
        "=",
        "\u0085",
        "\x07",
    ),
    *(
        "tags: ",
        "name: ",
        "versions:\n",
        "  ",
        "\n",
        "1.10",
        "no",
        "{a: " * 70,
        "[" * 70,
        "? [a]\n: b\n",
        "- - - ",
    ),
]
LOCK = {
    "format_version": 1,
    "images": {
        f"docker.io/library/{name}": {"digest": DIGEST} for name in ("debian:12", "alpine:3", "node:22")
    },
}
TEMPLATE_TOKENS = [
    *(
        "{{ ",
        " }}",
        "{% ",
        " %}",
        "{# ",
        " #}",
        "{%- ",
        "-%}",
        "{% raw %}",
        "{% endraw %}",
        "\n",
        "FROM debian:12\n",
    ),
    *(
        "{% for i in range(9) %}",
        "{% endfor %}",
        "{% if x is defined %}",
        "{% else %}",
        "{% endif %}",
        "{% set x = 1 %}",
    ),
    *(
        "{% include '_shared/node.tmpl' %}",
        "{% include 'Dockerfile.tmpl' %}",
        "{% extends 'Dockerfile.tmpl' %}",
    ),
    *(
        "{% block a %}{% endblock %}",
        "{% macro m(a) %}{{ a }}{% endmacro %}",
        "{{ m(1) }}",
        "{% call m(1) %}x{% endcall %}",
    ),
    *(
        "{% import '_shared/node.tmpl' as n %}",
        "{% filter upper %}",
        "{% endfilter %}",
        "{% with a=1 %}",
        "{% endwith %}",
    ),
    *(
        "{{ '%10000000000d' % 1 }}",
        "{{ ((9**64)**64)**64 }}",
        "{{ 'x'.ljust(10**9) }}",
        "{{ [0] * 10**9 }}",
        "{{ 'a' ~ 'b' * 10**8 }}",
        "{{ range(10**9) | list }}",
    ),
    *(
        "{{ versions.node }}",
        "{{ versions.nod }}",
        "{{ variables }}",
        "{{ image }}",
        "{{ variant }}",
        "{{ self }}",
    ),
    *(
        "{{ ''.__class__.__mro__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ namespace() }}",
        "{{ lipsum() }}",
        "{{ 1/0 }}",
    ),
    *(
        "{{ [1,2]|sum }}",
        "{{ 'a'|int(base=99) }}",
        "{{ 'x'|tojson }}",
        "{{ versions|xmlattr }}",
        "{{ none.x }}",
        "{{ [][9] }}",
    ),
    *(
        "{{ 'a'|attr('__class__') }}",
        "{{ joiner() }}",
        "{{ dict(a=1)|dictsort }}",
        "{{ '%s'|format(1,2) }}",
        "{{ '1'|float }}",
    ),
    *(
        "{{ [3,'a']|sort }}",
        "{{ 'abc'|batch(0)|list }}",
        "{{ 'abc'|slice(0)|list }}",
        "{{ range(3)|random }}",
        "{{ 'a'|date }}",
    ),
    *(
        "{{ loop.index }}",
        "{{ super() }}",
        "{{ caller() }}",
        "{{ x|default }}",
        "{{ 5|filesizeformat }}",
        "{{ 'a' is foo }}",
    ),
    *(
        '{{ "\\ud800" }}',
        "{{ '\\x00' }}",
        "{{ 9999999999999999999999 }}",
        "{{ {}[{}] }}",
        "{{ (1).real }}",
        "{% autoescape true %}",
    ),
    *(
        "{{ 'é'|urlencode }}",
        "{{ 'a\nb'|indent(-5) }}",
        "{{ 'a b'|truncate(-1) }}",
        "{{ 'a b'|wordwrap(0) }}",
        "{% do x %}",
    ),
    *(
        "{{ 'a'|replace('', 'b') }}",
        "{{ 'a'|map('nofilter')|list }}",
        "{{ [1]|groupby('x') }}",
        "{{ 5|round(-400) }}",
    ),
]
TEMPLATES = [
    "FROM base:2025.09\nRUN install {{ versions.node }}\n",
    "FROM base:2025.09\n{% for name in ['a', 'b'] %}RUN {{ name | upper }}\n{% endfor %}"
    "{% if variant %}USER 1{% endif %}\n",
    "{% extends '_shared/node.tmpl' %}\n{% macro m(a, b='x') %}{{ a ~ b }}{% endmacro %}\n"
    "FROM base:2025.09\nENV X={{ m(1) }}\n",
    *(path.read_text("utf-8") for path in sorted(_HERE.glob("images/*/*.t*pl"))),
]
