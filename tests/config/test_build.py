"""What lockage.yml says of builds: secrets, ssh, entitlements, attestations, caches."""

import json

import pytest

from pipeline.config import CacheEntry, Project, ProjectFile, SecretSource, SshSource

from .test_models import project, refused


def test_secrets_and_ssh_are_sources_by_id():
    found = project(
        "secrets: {npm: {env: NPM_TOKEN}, pip.conf: {file: ~/.pip.conf}, v: {command: [vault, read, x]}}\n"
        "ssh: {default: {}, ci: {agent: CI_SOCK}, key: {file: keys/deploy}}\n"
    )
    assert found.secrets == {
        "npm": SecretSource("env", "NPM_TOKEN"),
        "pip.conf": SecretSource("file", "~/.pip.conf"),
        "v": SecretSource("command", ("vault", "read", "x")),
    }
    assert found.ssh == {
        "default": SshSource("agent", "SSH_AUTH_SOCK"),
        "ci": SshSource("agent", "CI_SOCK"),
        "key": SshSource("file", "keys/deploy"),
    }


def test_entitlements_are_sorted_and_said_once():
    found = project("entitlements: {app: [security.insecure, network.host, network.host]}\n")
    assert found.entitlements == {"app": ("network.host", "security.insecure")}


CACHES = """\
cache:
  - {type: registry, ref: ghcr.io/acme/cache, mode: min, export: never}
  - {type: s3, bucket: b, region: eu-1, endpoint_url: 'https://s3.example.org', use_path_style: yes}
  - {type: local, path: /var/cache/build, compression: uncompressed, export: always}
  - {type: gha}
attestations: {provenance: max, sbom: true}
"""


def test_caches_and_attestations():
    found = project(CACHES)
    s3 = {"bucket": "b", "region": "eu-1", "endpoint_url": "https://s3.example.org", "use_path_style": "true"}
    assert found.cache == (
        CacheEntry("registry", {"ref": "ghcr.io/acme/cache"}, "min", "zstd", "never"),
        CacheEntry("s3", s3),
        CacheEntry("local", {"path": "/var/cache/build"}, "max", "uncompressed", "always"),
        CacheEntry("gha"),
    )
    assert (found.attestations.provenance, found.attestations.sbom) == ("max", True)
    assert (project().attestations.provenance, project().attestations.sbom) == ("none", False)
    assert {entry.export for entry in project("cache: [{type: gha}]\n").cache} == {"branch"}


def test_all_of_it_is_read_back():
    found = project(
        CACHES + "secrets: {a: {command: [b, c]}, d: {env: E}}\nssh: {default: {}}\nargs: {A: b}\n"
        "entitlements: {app: [network.host]}\n"
    )
    assert Project.from_json(json.loads(json.dumps(found.to_json()))) == found


REFUSED = [
    ("secrets: {a: {}}\n", "3:14: secrets.a: exactly one of env, file, command is expected"),
    ("secrets: {a: {env: A, file: b}}\n", "3:14: secrets.a: exactly one of env, file, command is expected"),
    ("secrets: {a: {env: }}\n", "3:14: secrets.a: exactly one of env, file, command is expected"),
    ("secrets: {a: token}\n", "3:14: secrets.a: a mapping (key: value) is expected"),
    ("secrets: {a: {evn: A}}\n", "3:15: secrets.a.evn: is not a known key (did you mean env?)"),
    (
        "secrets: {a: {env: tok-en}}\n",
        "3:20: secrets.a.env: the name of an environment variable is expected, not a value",
    ),
    ("secrets: {a: {command: []}}\n", "3:24: secrets.a.command: the list is empty"),
    ("secrets: {a: {command: vault}}\n", "3:24: secrets.a.command: a list is expected"),
    ("secrets: {a/b: {env: A}}\n", "3:11: secrets.a/b: 'a/b' is not an id (letters, digits, '_', '.', '-')"),
    ("secrets: [a]\n", "3:10: secrets: a mapping (key: value) is expected"),
    ("ssh: {default: {agent: A, file: b}}\n", "3:16: ssh.default: exactly one of agent, file is expected"),
    ("ssh: {default: {file: ''}}\n", "3:23: ssh.default.file: is empty"),
    (
        "entitlements: {app: [network.hots]}\n",
        "3:22: entitlements.app[0]: 'network.hots' is not one of: network.host, security.insecure"
        " (did you mean network.host?)",
    ),
    ("entitlements: {App: [network.host]}\n", "3:16: entitlements.App: 'App' is not an image name"),
    ("attestations: {provenance: some}\n", "3:28: attestations.provenance: 'some' is not one of: none, min, max"),
    ("attestations: {sbom: 1}\n", "3:22: attestations.sbom: true or false is expected"),
    ("attestations: {sbon: no}\n", "3:16: attestations.sbon: is not a known key (did you mean sbom?)"),
    ("cache: [{ref: a}]\n", "3:9: cache[0]: type is missing"),
    (
        "cache: [{type: registy, ref: a}]\n",
        "3:9: cache[0]: type is 'registy', not one of: registry, s3, local, gha (did you mean registry?)",
    ),
    ("cache: [{type: registry}]\n", "3:9: cache[0].registry.ref: is missing"),
    (
        "cache: [{type: registry, ref: 'a/b:1'}]\n",
        "3:31: cache[0].registry.ref: a repository without tag and digest is expected",
    ),
    (
        "cache: [{type: s3, bucket: b, region: r, pefix: x}]\n",
        "3:42: cache[0].s3.pefix: is not a known key (did you mean prefix?)",
    ),
    ("cache: [{type: gha, mode: all}]\n", "3:27: cache[0].gha.mode: 'all' is not one of: min, max"),
    ("cache: {type: gha}\n", "3:8: cache: a list is expected"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_what_is_refused(text, expected):
    [problem] = refused(ProjectFile, f"version: 1\nproject: demo\n{text}")
    assert problem.startswith(f"f.yml:{expected}")
