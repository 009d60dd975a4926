"""Secrets, licenses, sizes and required tests: planted in small images, found by the real tools, judged by policies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.real import samples
from tests.real.site import Site
from tests.tools.git import commit

pytestmark = pytest.mark.real

# Each is a secret only here; they are put together so that no scanner finds them in this file.
LETTERS = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"
GITHUB, GITLAB, SLACK = (
    "ghp_" + LETTERS[:36],
    "glpat-" + LETTERS[:20],
    "xoxb-1234567890-1234567890-" + LETTERS[:24],
)
STRIPE, AWS, NPM = "sk_live_" + LETTERS[:24], "AKIA" + "Z7VRSQ5TJN2XMPL3", "npm_" + LETTERS[:36]
KEY = (
    "-----BEGIN RSA PRIVATE {0}-----\\n"
    + "MIIEpAIBAAKCAQEA7yhpQ3nBkFTYwLb1" * 4
    + "\\n-----END RSA PRIVATE {0}-----"
)
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4ifQ.{}"
SENDGRID, PYPI = "SG." + LETTERS[:40] + LETTERS[:26], "pypi-AgEIcHlwaS5vcmc" + LETTERS + LETTERS
IN_FILES = {
    "aws.txt": f"aws_access_key_id={AWS}\n",
    "github.txt": f"token={GITHUB}\n",
    "gitlab.txt": f"token={GITLAB}\n",
    "jwt.txt": "jwt=" + JWT.format("SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c") + "\n",
    "key.pem": KEY.format("KEY").replace("\\n", "\n") + "\n",
    "npm.json": f'{{"token": "{NPM}"}}\n',
    "pypi.txt": f"password = {PYPI}\n",
    "sendgrid.txt": f"key={SENDGRID}\n",
    "slack.txt": f"token={SLACK}\n",
    "stripe.txt": f"key={STRIPE}\n",
}
LEAK = "".join(
    (
        samples.DEBIAN,
        f"ENV API_TOKEN={GITLAB}\n",
        f"LABEL org.example.token={SLACK}\n",
        f"ARG KEY={STRIPE}\n",
        f"RUN true {SENDGRID}\n",
        f"RUN echo token={GITHUB} > /etc/gone\nRUN rm /etc/gone\n",
        "COPY rootfs/ /\n",
        "RUN cat /app/github.txt | gzip > /app/packed.gz\n",
    )
)
LEAKY = {
    "images/leak/image.yml": samples.image("1.0.0"),
    "images/leak/Dockerfile.tmpl": LEAK,
    **{f"images/leak/rootfs/app/{name}": content for name, content in IN_FILES.items()},
}


ALLOWED = """\
policy:
  secrets:
    fail_on: [CRITICAL, HIGH]
    allow:
      - {path: "/app/**", owner: me, reason: samples, expires: 2999-12-31}
      - {path: image *, rule: slack-access-token, owner: me, reason: revoked, expires: 2999-12-31}
      - {path: image history, owner: me, reason: revoked, expires: 2999-12-31}
"""
METADATA = "Metadata-Version: 2.1\\nName: {0}\\nVersion: 1.0\\nLicense: {1}"
WHEELS = samples.DEBIAN + "".join(
    f"RUN mkdir -p {folder} && printf '%b\\n' '{METADATA.format(name, license)}' > {folder}/METADATA\n"
    for name, license in (("strict", "AGPL-3.0-only"), ("choice", "MIT OR AGPL-3.0-only"))
    for folder in [f"/opt/lib/python3.11/site-packages/{name}-1.0.dist-info"]
)


def verdict(done: Any, gate: str) -> dict[str, Any]:
    """The verdict of a gate on the only target."""
    (target,) = done.json["targets"]
    (found,) = [verdict for verdict in target["verdicts"] if verdict["gate"] == gate]
    return found


def test_secrets_close_by_severity_and_place_and_are_never_shown(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    """Ten kinds in files, one in a file that a later layer deletes, in the environment, a label and the history; what
    is packed is not found."""
    root = project(LEAKY)
    done = site.run("scan", "--json", cwd=root, expect=7)
    assert sorted(verdict(done, "secrets")["reasons"]) == [
        "aws-access-key-id in /app/aws.txt",
        "github-pat in /app/github.txt",
        "github-pat in /etc/gone",
        "github-pat in image history",
        "gitlab-pat in /app/gitlab.txt",
        "gitlab-pat in image configuration",
        "gitlab-pat in image history",
        "jwt-token in /app/jwt.txt",
        "npm-access-token in /app/npm.json",
        "private-key in /app/key.pem",
        "pypi-upload-token in /app/pypi.txt",
        "sendgrid-api-token in /app/sendgrid.txt",
        "sendgrid-api-token in image history",
        "slack-access-token in /app/slack.txt",
        "slack-access-token in image configuration",
        "slack-access-token in image history",
        "stripe-secret-token in /app/stripe.txt",
        "stripe-secret-token in image history",
    ]
    assert "revoke it" in verdict(done, "secrets")["hint"] and "to open it: remove the secret" in done.err
    assert not [
        secret for secret in (AWS, GITHUB, NPM, GITLAB, SLACK, STRIPE, SENDGRID, PYPI) if secret in done.out
    ]

    policy = tmp_path / "policy.yml"
    policy.write_text(ALLOWED)
    tried = site.run("policy", "try", policy, "--json", cwd=root, expect=7)
    again = verdict(tried, "secrets")
    assert sorted(again["reasons"]) == ["github-pat in /etc/gone", "gitlab-pat in image configuration"]
    assert "jwt-token in /app/jwt.txt (MEDIUM)" in again["notes"]
    assert "private-key in /app/key.pem allowed until 2999-12-31 by me: samples" in again["notes"]


def test_licenses_growth_and_required_tests(site: Site, project: Callable[..., Path], tmp_path: Path) -> None:
    """One image: closed by a license, excepted and published, then too large for what is published."""
    entry = "{package: strict, owner: legal, reason: only a tool, expires: 2999-12-31}"
    denied = "policy: {licenses: {deny: [AGPL-*], exceptions: [%s]}, size: {growth: 2%%}}\n"
    root = project(
        {"images/a/image.yml": samples.image("1.0.0"), "images/a/Dockerfile.tmpl": WHEELS}, denied % ""
    )
    done = site.run("sbom", "--json", cwd=root, expect=7)
    assert verdict(done, "licenses")["reasons"] == ["strict 1.0: AGPL-3.0-only is denied"]
    settings = root / "lockage.yml"
    settings.write_text(settings.read_text().replace("exceptions: []", f"exceptions: [{entry}]"))
    commit(root)
    done = site.run("run", "--json", cwd=root)
    (note, *_) = verdict(done, "licenses")["notes"]
    assert note.endswith("is denied, excepted until 2999-12-31 by legal: only a tool")

    (root / "images/a/image.yml").write_text(samples.image("1.0.1"))
    template = root / "images/a/Dockerfile.tmpl"
    template.write_text(f"{WHEELS}RUN head -c 3000000 \\\n  /dev/urandom > /large\n")
    commit(root)
    done = site.run("run", "--json", cwd=root, expect=7)
    (reason,) = verdict(done, "size")["reasons"]
    assert (
        "/prod/a:1.0.0, " in reason
        and "more than growth (2%) allows; largest new layers: 3.0 MB by" in reason
    )
    assert "RUN head -c 3000000 /dev/urandom > /large (images/a/Dockerfile.tmpl:4)" in reason

    policy = tmp_path / "policy.yml"
    policy.write_text("policy: {licenses: {allow: [MIT]}, size: {target: 1kB}, tests: required}\n")
    tried = site.run("policy", "try", policy, "--json", cwd=root, expect=7)
    assert "of its base debian:bookworm-slim" in verdict(tried, "size")["notes"][0]
    assert "neither a test nor a check" in verdict(tried, "tests")["reasons"][0]
    judged = verdict(tried, "licenses")
    assert "strict 1.0: AGPL-3.0-only is not allowed" in judged["reasons"]
    assert not [reason for reason in judged["reasons"] if reason.startswith("choice ")], "MIT may be chosen"

    values = {v["key"]: v for v in site.run("policy", "explain", "a:1.0.1", "--json", cwd=root).json}
    line = 1 + settings.read_text().splitlines().index(
        next(t for t in settings.read_text().splitlines() if "AGPL" in t)
    )
    for key in ("licenses.deny", "licenses.exceptions.strict", "size.growth"):
        assert values[f"gates.{key}"]["place"]["line"] == line
    assert values["gates.tests"] == {
        "key": "gates.tests",
        "value": "optional",
        "place": "default",
        "overrides": [],
    }
