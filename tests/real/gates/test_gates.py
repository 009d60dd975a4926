"""Closed gates: what they stop, what they leave alone, how they are opened again."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import Site
from tests.real.tools import cosign, tags
from tests.tools.git import commit

pytestmark = pytest.mark.real

IGNORE = """
policy:
  vulnerabilities:
    ignore:
      - id: CVE-2099-0001
        owner: platform-team
        reason: only for this test
        expires: {expires}
"""


@pytest.fixture
def vulnerable(project: Callable[..., Path]) -> Path:
    """An image with a HIGH finding, one based on it, and one that has nothing to do with them."""
    return project(
        {
            "images/weak/image.yml": samples.image("1.0.0"),
            "images/weak/Dockerfile.tmpl": samples.DEBIAN + samples.VULNERABLE_CURL,
            "images/above/image.yml": samples.image("1.0.0"),
            "images/above/Dockerfile.tmpl": "FROM weak:1.0.0\nRUN echo above > /etc/above\n",
            **samples.hello("apart"),
        }
    )


def repositories(root: Path, *images: str) -> dict[str, str]:
    """Image -> path of its repository in dev, from lockage.yml."""
    name = next(
        line.split()[1]
        for line in (root / "lockage.yml").read_text().splitlines()
        if line.startswith("project:")
    )
    return {image: f"{name}/dev/{image}" for image in images}


def test_a_finding_closes_the_gate_for_that_image_and_what_stands_on_it(site: Site, vulnerable: Path) -> None:
    done = site.run("run", "--json", cwd=vulnerable, expect=7)
    status = {t["image"]: t["status"] for t in done.json["targets"]}
    assert status == {"weak": "closed", "above": "aborted", "apart": "built"}
    assert "CVE-2099-0001 HIGH in curl 7.88.1-10" in done.err
    assert (
        "aborted: above/1.0.0/linux-amd64: its base weak/1.0.0/linux-amd64 did not pass its gates" in done.err
    )
    paths = repositories(vulnerable, "weak", "above", "apart")
    host = site.registry
    assert tags(f"{host}/{paths['weak']}") == set()
    assert tags(f"{host}/{paths['above']}") == set()
    assert len(tags(f"{host}/{paths['apart']}")) == 1
    assert tags(f"{host}/{paths['weak'].replace('/dev/', '/prod/')}") == set()


def test_an_ignore_opens_the_gate_without_building_again_until_it_expires(
    site: Site, vulnerable: Path
) -> None:
    site.run("scan", "weak", cwd=vulnerable, expect=7)
    settings = vulnerable / "lockage.yml"
    plain = settings.read_text()

    settings.write_text(plain + IGNORE.format(expires="2020-01-31"))
    commit(vulnerable)
    late = site.run("scan", "weak", "--json", cwd=vulnerable, expect=7)
    assert "the ignore of platform-team expired on 2020-01-31" in late.err
    assert late.json["engine_used"] is False

    settings.write_text(plain + IGNORE.format(expires="2999-12-31"))
    commit(vulnerable)
    opened = site.run("run", "weak", "--json", cwd=vulnerable)
    assert {t["image"]: t["status"] for t in opened.json["targets"]}["weak"] == "reused"
    assert "ignored until 2999-12-31 by platform-team: only for this test" in opened.err


def _with_jar(root: Path) -> Path:
    """Adds a jar with a HIGH finding to the image `java`, and commits."""
    jar = root / "images/java/rootfs/app/lockage-lab-sample-1.0.jar"
    jar.parent.mkdir(parents=True)
    jar.write_bytes(samples.jar())
    commit(root)
    return root


JAVA = {"images/java/image.yml": samples.image("1.0.0"), "images/java/Dockerfile.tmpl": "FROM scratch\n"}


def test_a_finding_in_a_jar_closes_the_gate(site: Site, project: Callable[..., Path]) -> None:
    root = _with_jar(project(JAVA))
    done = site.run("scan", "--json", cwd=root, expect=7)
    assert "CVE-2099-0006 HIGH in example.lockage:lockage-lab-sample 1.0 (fixed in 2.0)" in done.err
    [again] = site.run("scan", "--json", cwd=root, expect=7).json["targets"]
    assert again["status"] == "closed"


def test_jars_that_nobody_could_look_at_close_the_gate_unless_the_policy_lets_them_pass(
    site: Site, project: Callable[..., Path]
) -> None:
    nowhere = "java_db: ghcr.io/aquasecurity/trivy-java-db:9\n"
    root = _with_jar(project(JAVA, nowhere))
    done = site.run("scan", "--json", cwd=root, expect=7)
    [target] = done.json["targets"]
    states = {verdict["gate"]: verdict["state"] for verdict in target["verdicts"]}
    assert states["vulnerabilities"] == "not examined"
    assert "Java archives: the scanner had no Java database" in done.err

    settings = root / "lockage.yml"
    settings.write_text(f"{settings.read_text()}policy: {{vulnerabilities: {{unexamined: warn}}}}\n")
    commit(root)
    done = site.run("scan", "--json", cwd=root)
    [target] = done.json["targets"]
    assert not done.json["engine_used"], "the same evidence, judged by another policy"
    assert any("not examined: Java archives" in n for v in target["verdicts"] for n in v["notes"])


def test_what_was_scanned_without_java_data_is_scanned_again_when_there_is_some(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    nowhere = "java_db: ghcr.io/aquasecurity/trivy-java-db:9\n"
    lenient = "policy: {vulnerabilities: {unexamined: warn}}\n"
    root = _with_jar(project(JAVA, nowhere + lenient))
    site.run("run", cwd=root)
    [image] = site.run("rescan", "--env", "prod", "--json", cwd=root).json["images"]
    assert not image["scanned"], "with the same data, it would find the same"
    assert any("not examined: Java archives" in n for v in image["verdicts"] for n in v["notes"])

    settings = root / "lockage.yml"
    settings.write_text(settings.read_text().replace(nowhere, ""))
    commit(root)
    [image] = site.run("rescan", "--env", "prod", "--json", cwd=root, expect=7).json["images"]
    assert image["source"] == "image", "archives are identified by their content"
    assert [finding["id"] for finding in image["opened"]] == ["CVE-2099-0006"]
    tag = f"{image['reference'].partition('@')[0]}:{image['tags'][0]}"
    key = str(site.data / "keys" / "cosign.pub")
    signed = cosign("verify-attestation", "--type", "vuln", "--key", key, tag, root=tmp_path)
    payloads = [base64.b64decode(json.loads(line)["payload"]) for line in signed.stdout.splitlines()]
    assert sum(b"CVE-2099-0006" in payload for payload in payloads) == 1, "found by the tag as well"
    [image] = site.run("rescan", "--env", "prod", "--json", cwd=root, expect=7).json["images"]
    assert not image["scanned"] and not image["opened"]


def test_data_older_than_the_policy_allows_closes_the_gate(site: Site, project: Callable[..., Path]) -> None:
    """The lab's data is of the first of November 2026."""
    root = project(samples.hello(), "policy: {vulnerabilities: {max_age: 1d}}\n")
    done = site.run("scan", "--json", cwd=root, expect=7)
    assert "the vulnerability data is " in done.err and "more than max_age allows" in done.err
    settings = root / "lockage.yml"
    settings.write_text(settings.read_text().replace("max_age: 1d", "max_age: 1d, stale: warn"))
    commit(root)
    assert site.run("scan", "--json", cwd=root).json["engine_used"] is False


def test_a_failing_test_closes_the_gate(site: Site, project: Callable[..., Path]) -> None:
    wrong = samples.HELLO_TEST.replace('["hello"]', '["good bye"]').replace(
        '["sleep", "1"]', '["sleep", "2"]'
    )
    root = project({**samples.system(), "images/hello/test.yml.tpl": wrong})
    done = site.run("run", "--json", cwd=root, expect=7)
    assert done.json["targets"][0]["tests"] == {"passed": 0, "total": 2}
    assert "says hello" in done.err and "good bye" in done.err
    assert tags(f"{site.registry}/{repositories(root, 'hello')['hello']}") == set()


def test_a_test_that_is_taken_out_no_longer_judges(site: Site, project: Callable[..., Path]) -> None:
    files = samples.hello()
    files["images/hello/test.yml.tpl"] = files["images/hello/test.yml.tpl"].replace(
        '["hello"]', '["good bye"]'
    )
    root = project(files)
    site.run("test", cwd=root, expect=7)
    (root / "images/hello/test.yml.tpl").unlink()
    commit(root)
    done = site.run("test", "--json", cwd=root).json["targets"][0]
    assert (done["status"], done["tests"]) == ("reused", None)


def test_a_secret_in_a_layer_closes_the_gate_and_is_not_shown(
    site: Site, project: Callable[..., Path]
) -> None:
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    root = project(
        {
            "images/leak/image.yml": samples.image("1.0.0"),
            "images/leak/Dockerfile.tmpl": f"FROM scratch\nCOPY <<END /etc/token\ntoken={token}\nEND\n",
        }
    )
    done = site.run("run", "--json", cwd=root, expect=7)
    closed = [v for v in done.json["targets"][0]["verdicts"] if not v["passed"]]
    assert [v["gate"] for v in closed] == ["secrets"]
    assert "/etc/token" in closed[0]["reasons"][0]
    assert token not in done.out


def test_an_image_over_its_size_closes_the_gate(site: Site, project: Callable[..., Path]) -> None:
    root = project(samples.hello(), more="policy: {size: {max: 100B}}\n")
    done = site.run("run", "--json", cwd=root, expect=7)
    closed = [v for v in done.json["targets"][0]["verdicts"] if not v["passed"]]
    assert [v["gate"] for v in closed] == ["size"] and "more than the limit of 100" in closed[0]["reasons"][0]


def test_a_promotion_asks_the_gate_again_by_the_policy_of_the_day(site: Site, vulnerable: Path) -> None:
    settings = vulnerable / "lockage.yml"
    plain = settings.read_text()
    settings.write_text(plain + IGNORE.format(expires="2999-12-31"))
    sha = commit(vulnerable)
    site.run("sign", "weak", cwd=vulnerable)

    settings.write_text(plain)
    commit(vulnerable)
    refused = site.run("promote", "weak", "--to", "prod", "--revision", sha, cwd=vulnerable, expect=7)
    assert "weak:1.0.0 is not promoted" in refused.err and "CVE-2099-0001 HIGH in curl" in refused.err
    path = repositories(vulnerable, "weak")["weak"].replace("/dev/", "/prod/")
    assert tags(f"{site.registry}/{path}") == set()

    settings.write_text(plain + IGNORE.format(expires="2999-12-31"))
    commit(vulnerable)
    site.run("promote", "weak", "--to", "prod", "--revision", sha, cwd=vulnerable)
    assert tags(f"{site.registry}/{path}") == {"1", "1.0", "1.0.0"}
